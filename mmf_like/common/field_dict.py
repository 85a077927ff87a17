"""A dict whose fields are attributes too: the common ground of Sample, SampleList and Report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from mmf_like.common.errors import MissingField

_ABSENT = object()
_PLAIN = (str, bytes, int, float, bool, type(None))
F = TypeVar("F", bound="FieldDict")


class FieldDict(dict[str, Any]):
    """`d.x` and `d["x"]` are one field; `d["a.b"]`, `"a.b" in d` and `d.get("a.b")` look inside field `a`.

    A missing field raises `MissingField`, which is an `AttributeError` and a `KeyError`. A field named like a
    method (`items`, `to`, ...) is reached as an item only. The instance keeps no state beside its fields, so
    it can be rebuilt from them by anything that knows dicts (pickle, DDP's scatter, pytrees).
    """

    def __getattr__(self, name: str) -> Any:
        if name in self:
            return self[name]
        if torch.compiler.is_compiling():  # the compiler follows hasattr(batch, ...) only by the plain error
            raise AttributeError(name)
        raise MissingField(name, type(self).__name__, list(self))

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        if name not in self:
            raise MissingField(name, type(self).__name__, list(self))
        del self[name]

    def __missing__(self, key: str) -> Any:
        found = _follow(self, key)
        if found is _ABSENT:
            raise MissingField(key, type(self).__name__, list(self))
        return found

    def __contains__(self, key: object) -> bool:
        return dict.__contains__(self, key) or _follow(self, key) is not _ABSENT

    def get(self, key: str, default: Any = None) -> Any:
        found = dict.get(self, key, _ABSENT)
        if found is _ABSENT:
            found = _follow(self, key)
        return default if found is _ABSENT else found

    def fields(self) -> list[str]:
        """Names of the fields, in order."""
        return list(self)

    def __repr__(self) -> str:
        return "\n".join([type(self).__name__, *table(self)])


def map_tensors(value: Any, fn: Callable[[Any], Any], having: str) -> Any:
    """`value` with `fn` applied to all in it that has the method `having`: itself, or inside dicts and lists.

    A list that starts with a number or a string is taken to be plain data and returned as it is.
    """
    if hasattr(value, having) and not isinstance(value, type):
        return fn(value)
    if isinstance(value, Mapping):
        mapped = {key: map_tensors(item, fn, having) for key, item in value.items()}
        return type(value)(mapped) if isinstance(value, FieldDict) else mapped
    if isinstance(value, (list, tuple)) and value and not isinstance(value[0], (str, int, float)):
        items = [map_tensors(item, fn, having) for item in value]
        if isinstance(value, tuple):
            return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
        return items
    return value


def checked_device(device: Any) -> torch.device:
    if not isinstance(device, (str, torch.device)):
        kind = type(device).__name__
        raise TypeError(f"device must be a str or a torch.device, not {device!r} ({kind}).")
    return torch.device(device)


def register_pytree(cls: type[FieldDict]) -> None:
    """Lets torch's tree functions (FSDP's input casts, checkpointing, export) see the tensors in `cls`."""

    def flatten(fields: Any) -> tuple[list[Any], list[str]]:
        return list(fields.values()), list(fields)

    def flatten_with_keys(fields: Any) -> tuple[list[tuple[Any, Any]], list[str]]:
        return [(pytree.MappingKey(name), value) for name, value in fields.items()], list(fields)

    def unflatten(values: Iterable[Any], names: list[str]) -> Any:
        fresh = cls()
        dict.update(fresh, zip(names, values))
        return fresh

    pytree.register_pytree_node(
        cls,
        flatten,
        unflatten,
        serialized_type_name=f"{cls.__module__}.{cls.__qualname__}",
        flatten_with_keys_fn=flatten_with_keys,
    )


def table(fields: Mapping[str, Any]) -> list[str]:
    """Lines `field  shape  dtype  device`, nested fields by dotted name, columns aligned."""
    rows = [("field", "shape", "dtype", "device"), *_rows(fields, "")]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    lines = ("  ".join([cell.ljust(width) for cell, width in zip(row, widths)] + [row[3]]) for row in rows)
    return ["  " + line.rstrip() for line in lines]


def _rows(fields: Mapping[str, Any], prefix: str) -> list[tuple[str, str, str, str]]:
    rows: list[tuple[str, str, str, str]] = []
    for name, value in fields.items():
        name = f"{prefix}{name}"
        if isinstance(value, Tensor):
            rows.append((name, str(tuple(value.shape)), str(value.dtype).removeprefix("torch."), str(value.device)))
        elif isinstance(value, Mapping) and value:
            rows += _rows(value, f"{name}.")
        elif isinstance(value, (list, tuple)):
            inside = f" of {type(value[0]).__name__}" if value else ""
            rows.append((name, f"({len(value)})", f"{type(value).__name__}{inside}", ""))
        else:
            text = repr(value) if isinstance(value, _PLAIN) else type(value).__name__
            rows.append((name, "", text if len(text) <= 40 else text[:37] + "...", ""))
    return rows


def _follow(fields: Mapping[str, Any], path: object) -> Any:
    """The value at a dotted path through nested mappings, or `_ABSENT`."""
    if not isinstance(path, str):
        return _ABSENT
    head, dot, rest = path.partition(".")
    while dot:
        if dict.__contains__(fields, head) if isinstance(fields, dict) else head in fields:
            inner = fields[head]
            if isinstance(inner, Mapping):
                found = inner[rest] if rest in inner else _follow(inner, rest)
                if found is not _ABSENT:
                    return found
        more, dot, rest = rest.partition(".")
        head = f"{head}.{more}"
    return _ABSENT
