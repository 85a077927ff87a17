"""Lays one layer of configuration over another: mappings merge, everything else is replaced."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from typing import Any

from mmf_like.config.load import Layer
from mmf_like.config.provenance import Path, Provenance, parse_key
from mmf_like.config.schema import sections

_REFERENCE = re.compile(r"^\$\{([A-Za-z_][\w.\[\]-]*)\}$")
MISSING = object()


def merged(layers: Iterable[Layer]) -> dict[str, Any]:
    """The plain data of all layers, later wins."""
    tree: dict[str, Any] = {}
    for layer in layers:
        merge(tree, layer, Provenance())
    return tree


def merge(tree: dict[str, Any], layer: Layer, provenance: Provenance) -> None:
    """Lay `layer` over `tree`, in place, and record who set what."""
    _merge(tree, tree, layer.data, (), layer, provenance)


def _merge(
    root: dict[str, Any],
    node: dict[Any, Any],
    data: dict[Any, Any],
    path: Path,
    layer: Layer,
    provenance: Provenance,
) -> None:
    for key, value in data.items():
        here = (*path, key)
        if value is None and here in sections():
            continue  # `training:` with nothing below it
        if not isinstance(value, dict):
            node[key] = copy.deepcopy(value)
            record(provenance, here, value, layer)
            continue
        if not isinstance(node.get(key), dict):
            # An override of `a: ${b}` by a mapping starts from what `b` holds.
            referred = _referred(root, node.get(key))
            node[key] = copy.deepcopy(referred) if isinstance(referred, dict) else {}
            if not value:
                provenance.record(here, {}, layer.where(here))
        _merge(root, node[key], value, here, layer, provenance)


def record(provenance: Provenance, path: Path, value: Any, layer: Layer) -> None:
    """Note a value and everything inside it."""
    if not isinstance(value, dict) or not value:
        provenance.record(path, value, layer.where(path))
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        record(provenance, (*path, key), child, layer)


def get(tree: Any, path: Path, default: Any = MISSING) -> Any:
    """The value at a path of plain data, else `default`."""
    step: Any
    for step in path:
        known = tree if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
        if step not in known:
            return default
        tree = tree[step]
    return tree


def pop(tree: Any, path: Path) -> Any:
    """Remove the value at a path and return it; `MISSING` when there is none."""
    parent = get(tree, path[:-1])
    return parent.pop(path[-1], MISSING) if isinstance(parent, dict) else MISSING


def put(tree: dict[str, Any], path: Path, value: Any) -> None:
    """Set the value at a path of mappings, making those that are missing."""
    for part in path[:-1]:
        child = tree.get(part)  # type: ignore[arg-type]
        if not isinstance(child, dict):
            child = tree[part] = {}  # type: ignore[index]
        tree = child
    tree[path[-1]] = value  # type: ignore[index]


def _referred(root: dict[str, Any], value: Any) -> Any:
    match = _REFERENCE.match(value) if isinstance(value, str) else None
    if match is None:
        return None
    try:
        return get(root, parse_key(match[1]), None)
    except ValueError:
        return None
