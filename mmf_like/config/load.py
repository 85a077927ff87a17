"""Reads YAML safely, remembers the line of every key, and follows `includes`.

The dialect is YAML 1.1 less its surprises: `1e-3` is a number; numbers with underscores (`1.0_2020_05_19`), leading
zeros (`007`) or colons, dates, and `yes`/`no`/`on`/`off` stay text; a key written twice is refused.
"""

from __future__ import annotations

import os
import re
from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from mmf_like.common.errors import ConfigError
from mmf_like.config import paths
from mmf_like.config.provenance import NOWHERE, Origin
from mmf_like.config.provenance import Path as KeyPath

MAX_NODES = 1_000_000  # aliases can make a short file expand without end
_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
BOOL = re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$")
INT = re.compile(r"^[-+]?(?:0|[1-9][0-9]*|0x[0-9a-fA-F]+|0b[01]+)$")
FLOAT = re.compile(
    r"^(?:[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
)
NULL = re.compile(r"^(?:~|null|Null|NULL|)$")


class Loader(_BASE):
    """PyYAML's safe loader with the resolvers of our dialect."""


Loader.yaml_implicit_resolvers = {}
Loader.add_implicit_resolver(f"{_TAG}bool", BOOL, list("tTfF"))
Loader.add_implicit_resolver(f"{_TAG}int", INT, list("-+0123456789"))
Loader.add_implicit_resolver(f"{_TAG}float", FLOAT, list("-+0123456789."))
Loader.add_implicit_resolver(f"{_TAG}null", NULL, ["~", "n", "N", ""])
Loader.add_implicit_resolver(f"{_TAG}merge", re.compile(r"^(?:<<)$"), ["<"])


@dataclass
class Layer:
    """The plain data of one file, mapping or argument, and where each of its keys was written."""

    data: dict[str, Any]
    origins: dict[KeyPath, Origin] = field(default_factory=dict)
    origin: Origin = NOWHERE.origin

    def where(self, path: KeyPath) -> Origin:
        while path:
            if path in self.origins:
                return self.origins[path]
            path = path[:-1]
        return self.origin


def load_layers(name: str | os.PathLike[str], *, user_dir: str | os.PathLike[str] | None = None) -> list[Layer]:
    """The file `name` and what it includes, in the order in which they apply: later wins, the file itself last."""
    return _layers(paths.find_file(name, user_dir=user_dir), user_dir, chain=[])


def load_yaml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The plain data of one YAML file, `includes` merged in."""
    from mmf_like.config.merge import merged

    return merged(load_layers(path))


def mapping_layer(data: dict[str, Any], place: str) -> Layer:
    """A layer of data that comes from no file."""
    return Layer(data, origin=Origin(place))


def parse_text(text: str, place: str) -> tuple[Any, dict[KeyPath, int]]:
    """YAML text as plain data, with the line of every key. `place` names the text in errors."""
    try:
        loader = Loader(text)
    except yaml.YAMLError as error:  # a character that YAML does not allow
        raise ConfigError(f"{place}: not valid YAML: {_one_line(error)}") from error
    try:
        node = loader.get_single_node()
        if node is None:
            return None, {}
        return _Reader(loader, place).read(node)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        # What is missing at the end of a file is reported a line after its last.
        line = f":{min(mark.line + 1, len(text.rstrip().splitlines()))}" if mark is not None else ""
        raise ConfigError(f"{place}{line}: not valid YAML: {_one_line(error)}") from error
    finally:
        loader.dispose()


def parse_value(text: str, place: str) -> Any:
    """The value on the right of a `key=value` argument: YAML, where an empty text or `#...` stays text."""
    stripped = text.strip()
    if stripped == "None":
        return None  # as MMF wrote it
    if not stripped or stripped[0] in "#*&!@%`|>?":
        return text
    return parse_text(stripped, place)[0]


def _layers(path: Path, user_dir: str | os.PathLike[str] | None, chain: list[Path]) -> list[Layer]:
    if path in chain:
        told = " -> ".join(paths.display(step) for step in [*chain[chain.index(path) :], path])
        raise ConfigError(f"includes go in a circle: {told}")
    shown = paths.display(path)
    included_by = paths.display(chain[-1]) if chain else ""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{shown} cannot be read: {_one_line(error)}") from error
    data, lines = parse_text(text, shown)
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise ConfigError(f"{shown} must hold `key: value` pairs, but holds {_kind(data)}.")
    includes = data.pop("includes", None) or []
    if isinstance(includes, str):
        includes = [includes]
    if not isinstance(includes, list) or not all(isinstance(item, str) for item in includes):
        raise ConfigError(f"{shown}:{lines[('includes',)]}: includes must be a list of file names.")
    layers: list[Layer] = []
    problems: list[str] = []
    for include in includes:
        try:
            layers += _layers(paths.find_file(include, user_dir=user_dir, including=path), user_dir, [*chain, path])
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    origins = {key: Origin(f"{shown}:{line}", included_by) for key, line in lines.items()}
    return [*layers, Layer(data, origins, Origin(shown, included_by))]


class _Reader:
    """Turns YAML nodes into plain data; the base loader would not tell where a key stands."""

    def __init__(self, loader: Any, place: str):
        self.loader, self.place = loader, place
        self.lines: dict[KeyPath, int] = {}
        self.open: set[int] = set()
        self.flat: set[int] = set()
        self.count = 0

    def read(self, node: yaml.Node) -> tuple[Any, dict[KeyPath, int]]:
        return self._value(node, ()), self.lines

    def _value(self, node: yaml.Node, path: KeyPath) -> Any:
        self.count += 1
        if id(node) in self.open or self.count > MAX_NODES:
            raise ConfigError(f"{self._at(node)}: aliases that contain themselves or expand without end.")
        if path and isinstance(path[-1], int):
            self.lines[path] = node.start_mark.line + 1
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        self.open.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            self._allow(node, "seq")
            value: Any = [self._value(item, (*path, i)) for i, item in enumerate(node.value)]
        else:
            self._allow(node, "map")
            value = self._mapping(node, path)
        self.open.discard(id(node))
        return value

    def _mapping(self, node: Any, path: KeyPath) -> dict[Any, Any]:
        seen: dict[Hashable, int] = {}
        for key_node, _ in node.value:
            if key_node.tag == f"{_TAG}merge" or id(node) in self.flat:
                continue
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag == f"{_TAG}null":
                raise ConfigError(f"{self._at(key_node)}: a key must be text.")
            line = key_node.start_mark.line + 1
            key = self._scalar(key_node)
            if key in seen:
                raise ConfigError(f"{self._at(key_node)}: {key!r} stands here twice, first in line {seen[key]}.")
            seen[key] = line
        self.loader.flatten_mapping(node)  # `<<: *anchor`, which may bring keys that the mapping has too
        self.flat.add(id(node))
        result: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = self._scalar(key_node)
            self.lines[(*path, key)] = key_node.start_mark.line + 1
            result[key] = self._value(value_node, (*path, key))
        return result

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        kind, text = node.tag.removeprefix(_TAG), node.value
        if kind == "null":
            return None
        if kind == "bool" and BOOL.match(text):
            return text.lower() == "true"
        if kind == "int" and INT.match(text):
            return int(text, 0)
        if kind == "float" and (FLOAT.match(text) or INT.match(text)):
            return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
        self._allow(node, "str")
        return text

    def _allow(self, node: yaml.Node, kind: str) -> None:
        if node.tag != f"{_TAG}{kind}":
            tag = node.tag.replace(_TAG, "!!")
            raise ConfigError(f"{self._at(node)}: the tag {tag} is not allowed; a config holds plain data only.")

    def _at(self, node: yaml.Node) -> str:
        return f"{self.place}:{node.start_mark.line + 1}"


def _kind(value: Any) -> str:
    return "a list" if isinstance(value, list) else f"{value!r}"


def _one_line(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError):
        parts = [error.context, error.problem]
        return ", ".join(part for part in parts if part) + "."
    return " ".join(str(error).split())
