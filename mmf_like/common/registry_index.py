"""Reads registrations out of source files without importing them.

Understood are class and function decorators, `@registry.register_<kind>("name", ...)`, also stacked, and the call
form at the top level of a module, `registry.register_<kind>("name")(Thing)`. Names must be written out as strings.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

UNKNOWN = "?"  # a `config_path` that only running the class can tell
_MENTION = re.compile(r"register_(\w+)\(")


@dataclass(frozen=True)
class ConfigField:
    """One field of a class's inner `Config`: its annotation as written, and whether it has a default."""

    annotation: str
    has_default: bool


@dataclass(frozen=True)
class Declaration:
    """One registration as its source file states it."""

    kind: str
    name: str
    module: str
    target: str
    file: str
    line: int
    description: str = ""
    config_path: str | None = None  # None: the class does not define it; UNKNOWN: only running it tells
    bases: tuple[str, ...] = ()
    config_fields: dict[str, ConfigField] | None = field(default=None, hash=False)  # None: no inner Config

    @property
    def place(self) -> str:
        return f"{self.module}.{self.target} ({self.file}:{self.line})"


def read_package(home: str, kind: str) -> dict[str, Declaration]:
    """All names of `kind` registered by the modules of package (or module) `home`, which is not imported."""
    folder = _locate(home)
    if folder is None:
        return {}
    found: dict[str, Declaration] = {}
    for path, module in modules_below(folder, home):
        for declaration in read_file(path, module):
            if declaration.kind == kind or (kind == "builder" and declaration.kind == "datamodule"):
                found.setdefault(declaration.name, declaration)
    return found


def modules_below(path: Path, name: str) -> Iterator[tuple[Path, str]]:
    """`(file, dotted name)` of a module, or of every module of a package folder, in sorted order."""
    if path.is_file():
        yield path, name
        return
    for file in sorted(path.rglob("*.py")):
        parts = file.relative_to(path).with_suffix("").parts
        if any(part.startswith(".") or part == "__pycache__" for part in parts):
            continue
        if parts[-1] == "__init__":
            parts = parts[:-1]
        yield file, ".".join((name, *parts))


def read_file(path: Path, module: str) -> list[Declaration]:
    """The registrations of one file; a file that does not parse has none (importing it will say why)."""
    try:
        source = path.read_text(encoding="utf-8")
        if not _MENTION.search(source):
            return []
        tree = ast.parse(source)
    except (OSError, SyntaxError, ValueError):
        return []
    found: list[Declaration] = []
    definitions: dict[str, ast.ClassDef | ast.FunctionDef] = {}
    for node in tree.body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            definitions[node.name] = node
            for decorator in node.decorator_list:
                found += _declarations(decorator, node, node.name, module, path)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and node.value.args:
            target = node.value.args[0]
            name = ast.unparse(target)
            found += _declarations(node.value.func, definitions.get(name), name, module, path)
    return found


def _declarations(
    call: ast.expr, node: ast.ClassDef | ast.FunctionDef | None, target: str, module: str, path: Path
) -> list[Declaration]:
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
        return []
    if not call.func.attr.startswith("register_"):
        return []
    arguments = {kw.arg: kw.value for kw in call.keywords}
    name = call.args[0] if call.args else arguments.get("name")
    if not (isinstance(name, ast.Constant) and isinstance(name.value, str)):
        return []
    said = call.args[2] if len(call.args) > 2 else arguments.get("description")
    description = said.value if isinstance(said, ast.Constant) and isinstance(said.value, str) else ""
    config_path, config_fields = None, None
    bases: tuple[str, ...] = ()
    if node is not None:
        description = description or (ast.get_docstring(node) or "").split("\n")[0]
    if isinstance(node, ast.ClassDef):
        config_path = _config_path(node)
        config_fields = _config_fields(node)
        bases = tuple(ast.unparse(base) for base in node.bases)
    return [
        Declaration(
            kind=call.func.attr.removeprefix("register_"),
            name=name.value,
            module=module,
            target=target,
            file=str(path),
            line=getattr(node, "lineno", call.lineno),
            description=description,
            config_path=config_path,
            bases=bases,
            config_fields=config_fields,
        )
    ]


def _config_path(node: ast.ClassDef) -> str | None:
    for item in node.body:
        if isinstance(item, ast.FunctionDef) and item.name == "config_path":
            body = [s for s in item.body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]
            if len(body) == 1 and isinstance(body[0], ast.Return):
                value = body[0].value
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    return value.value
            return UNKNOWN
    return None


def _config_fields(node: ast.ClassDef) -> dict[str, ConfigField] | None:
    for item in node.body:
        if isinstance(item, ast.ClassDef) and item.name == "Config":
            return {
                line.target.id: ConfigField(ast.unparse(line.annotation), line.value is not None)
                for line in item.body
                if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)
            }
    return None


def _locate(home: str) -> Path | None:
    """Folder or file of a dotted name, found beside this package so that no parent package is imported."""
    top, *rest = home.split(".")
    spec = find_spec(top)
    if spec is None or not spec.submodule_search_locations:
        return None
    base = Path(next(iter(spec.submodule_search_locations))).joinpath(*rest)
    if base.is_dir():
        return base
    file = base.with_suffix(".py")
    return file if file.is_file() else None
