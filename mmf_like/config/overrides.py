"""Command-line arguments as assignments: `a.b=c`, `a.b c`, `a.b[0]=v`. Values are YAML."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mmf_like.common.errors import ConfigError
from mmf_like.config.load import Layer, parse_text, parse_value
from mmf_like.config.merge import MISSING, get, merge, record
from mmf_like.config.provenance import COMMAND_LINE, Origin, Path, Provenance, dotted, parse_key

_PAIR = re.compile(r"^([A-Za-z_][^=\s{}'\"]*)=(.*)$", re.DOTALL)
OVERRIDE = "--config_override"


@dataclass(frozen=True)
class Assignment:
    """One argument: the key it names and the value it gives."""

    path: Path
    value: Any
    origin: Origin = COMMAND_LINE


def parse_items(items: Sequence[str]) -> tuple[list[Assignment], list[str]]:
    """The assignments of a command line, and what is wrong with the arguments that are none."""
    assignments: list[Assignment] = []
    problems: list[str] = []
    waiting = [str(item) for item in items]
    while waiting:
        item = waiting.pop(0)
        pair = _PAIR.match(item)
        if pair is not None:
            name, text = pair[1], pair[2]
        elif waiting and not _PAIR.match(waiting[0]):
            name, text = item, waiting.pop(0)
        else:
            meant = f"config={item}" if item.endswith((".yaml", ".yml")) else f"{item}=value"
            problems.append(f"{item} (command line) has no value. Write {meant}.")
            continue
        try:
            path = parse_key(name)
        except ValueError:
            problems.append(f"{name} (command line) is not a key. Keys look like training.batch_size or a.b[0].c.")
            continue
        try:
            assignments.append(Assignment(path, parse_value(text, f"{name} (command line)")))
        except ConfigError as error:
            problems += error.problems
    return assignments, problems


def parse_override(text: str | None) -> Layer:
    """The layer of `--config_override`, a mapping written as JSON or YAML."""
    origin = Origin(OVERRIDE)
    if not text or not text.strip():
        return Layer({}, origin=origin)
    try:
        data = json.loads(text)
    except ValueError:
        data = parse_text(text, OVERRIDE)[0]
    if not isinstance(data, dict):
        raise ConfigError(f"{OVERRIDE} must be a mapping such as '{{training: {{batch_size: 64}}}}', not {text!r}.")
    return Layer(data, origin=origin)


def assign(tree: dict[str, Any], assignment: Assignment, provenance: Provenance) -> None:
    """Carry out one assignment on plain data. Keys that do not exist yet are made; validation judges them."""
    node: Any = tree
    path: Path = ()
    for part in assignment.path[:-1]:
        part, node = _step(node, part, path, assignment)
        path = (*path, part)
        child = get(node, (part,))
        if child is MISSING or child is None:
            child = node[part] = {}
        node = child
    last, node = _step(node, assignment.path[-1], path, assignment)
    path = (*path, last)
    layer = Layer({}, origin=assignment.origin)
    if isinstance(assignment.value, dict) and not any(isinstance(part, int) for part in path):
        layer.data = _nested(path, assignment.value)
        merge(tree, layer, provenance)
        return
    node[last] = assignment.value
    record(provenance, path, assignment.value, layer)


def _step(node: Any, part: str | int, path: Path, assignment: Assignment) -> tuple[str | int, Any]:
    """`part` as a key or index of `node`; an error that says what `node` is when it is neither."""
    told = f"{dotted(assignment.path)} ({assignment.origin.place})"
    if isinstance(node, list):
        if isinstance(part, str) and part.isdecimal():
            part = int(part)
        if not isinstance(part, int):
            raise ConfigError(f"{told}: {dotted(path)} is a list; name an element, as in {dotted(path)}[0].{part}.")
        if part >= len(node):
            count = f"{len(node)} element{'' if len(node) == 1 else 's'}"
            raise ConfigError(
                f"{told}: {dotted(path)} has {count}, numbered from 0; give the whole list to add one: "
                f"{dotted(path)}=[...]"
            )
        return part, node
    if not isinstance(node, dict):
        raise ConfigError(f"{told}: {dotted(path)} is {node!r}, which has no keys.")
    if isinstance(part, int):
        raise ConfigError(f"{told}: {dotted(path)} is not a list.")
    if part not in node and part.isdecimal() and int(part) in node:
        return int(part), node
    return part, node


def _nested(path: Path, value: Any) -> dict[str, Any]:
    for part in reversed(path):
        value = {part: value}
    return value
