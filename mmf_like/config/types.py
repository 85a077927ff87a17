"""Checks a value against an annotation and says in words what is wrong with it."""

from __future__ import annotations

import ast
import json
import types
from typing import Any, Literal, Union, get_args, get_origin

from mmf_like.common.errors import did_you_mean

_WORDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "a mapping (key: value)",
    type(None): "null",
}
_PLAIN: dict[str, Any] = {
    "int": int,
    "float": float,
    "bool": bool,
    "str": str,
    "list": list,
    "List": list,
    "dict": dict,
    "Dict": dict,
    "None": type(None),
}


def conform(value: Any, annotation: Any) -> tuple[Any, str]:
    """`(value as the annotation wants it, "")`, or `(value, what it is not)`."""
    if annotation is Any:
        return value, ""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return _conform_union(value, arguments)
    if origin is Literal:
        if value in arguments and not isinstance(value, bool):
            return value, ""
        wanted = ", ".join(str(argument) for argument in arguments)
        near = did_you_mean(value, [str(a) for a in arguments]) if isinstance(value, str) else ""
        return value, f"{show(value)} is not one of: {wanted}.{near}"
    kind = origin or annotation
    if kind is list and isinstance(value, list) and arguments:
        return _conform_items(value, arguments[0])
    fitted, fits = _fit(value, kind)
    return fitted, "" if fits else f"{show(value)} is not {_WORDS.get(kind, kind)}."


def show(value: Any) -> str:
    """A value as people write it in YAML, text in quotes."""
    if value is None or isinstance(value, (bool, list, dict)):
        return json.dumps(value, default=str)
    return repr(value)


def parse_annotation(text: str) -> Any:
    """The type that an annotation's source text names; `Any` for what is not simple."""
    try:
        return _annotation(ast.parse(text, mode="eval").body)
    except SyntaxError:
        return Any


def _conform_union(value: Any, arguments: tuple[Any, ...]) -> tuple[Any, str]:
    # A value that already is of one of the types keeps its type: "1" stays text in `int | str`.
    for argument in arguments:
        if isinstance(argument, type) and type(value) is argument:
            return value, ""
    for argument in arguments:
        fitted, complaint = conform(value, argument)
        if not complaint:
            return fitted, ""
    if Any in arguments:
        return value, ""
    kinds = [argument for argument in arguments if argument is not type(None)]
    if len(kinds) == 1:
        return value, conform(value, kinds[0])[1]
    words = " or ".join(str(_WORDS.get(get_origin(kind) or kind, kind)) for kind in kinds)
    return value, f"{show(value)} is not {words}."


def _conform_items(value: list[Any], annotation: Any) -> tuple[list[Any], str]:
    result = []
    for item in value:
        fitted, complaint = conform(item, annotation)
        if complaint:
            return value, complaint
        result.append(fitted)
    return result, ""


def _fit(value: Any, kind: Any) -> tuple[Any, bool]:
    if not isinstance(kind, type) or kind not in _WORDS:
        return value, True  # a class of the author's own: the author checks
    if isinstance(value, bool):
        return value, kind is bool
    if kind is int and isinstance(value, float) and value.is_integer():
        return int(value), True  # 22e3
    if kind is float and isinstance(value, int):
        return float(value), True
    if kind is str and isinstance(value, (int, float)):
        return str(value), True  # experiment_name=2023
    return value, isinstance(value, kind)


def _annotation(node: ast.expr) -> Any:
    if isinstance(node, ast.Constant):
        return type(None) if node.value is None else parse_annotation(str(node.value))
    if isinstance(node, (ast.Name, ast.Attribute)):
        return _PLAIN.get(node.id if isinstance(node, ast.Name) else node.attr, Any)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _union([_annotation(node.left), _annotation(node.right)])
    if isinstance(node, ast.Subscript):
        name = ast.unparse(node.value).rpartition(".")[2]
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if name == "Optional":
            return _union([_annotation(inner[0]), type(None)])
        if name == "Union":
            return _union([_annotation(item) for item in inner])
        if name == "Literal" and all(isinstance(item, ast.Constant) for item in inner):
            return Literal[tuple(item.value for item in inner)]  # type: ignore[attr-defined]
        if name in ("list", "List"):
            item_type = _annotation(inner[0])
            return list if item_type is Any else list[item_type]  # type: ignore[valid-type]
        return _PLAIN.get(name, Any)
    return Any


def _union(members: list[Any]) -> Any:
    return Any if Any in members else Union[tuple(members)]  # noqa: UP007
