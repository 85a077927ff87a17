"""Resolves `${...}` in a composed tree, with MMF's resolvers, and says which could not be."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import Any

from omegaconf import OmegaConf
from omegaconf import __version__ as omegaconf_version
from omegaconf.errors import OmegaConfBaseException

from mmf_like.config.merge import get
from mmf_like.config.provenance import Path, Provenance, dotted


def cache_dir(variable: str = "MMF_CACHE_DIR") -> str:
    """The folder of downloads: the variable's value, else `mmf` in torch's cache."""
    named = os.environ.get(variable)
    if named:
        return str(FilePath(named).expanduser())
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    torch_home = os.environ.get("TORCH_HOME") or os.path.join(base, "torch")
    return str(FilePath(torch_home).expanduser() / "mmf")


def resolve_dir(variable: str, default: str = "data") -> str:
    """The variable's value, else the folder `default` of the cache."""
    return os.environ.get(variable) or str(FilePath(cache_dir()) / default)


def device_count() -> int:
    """How many NVIDIA devices there are; does not import torch for it."""
    torch = sys.modules.get("torch")
    if torch is not None:
        return int(torch.cuda.device_count())
    nodes = [p for p in FilePath("/dev").glob("nvidia*") if re.fullmatch(r"nvidia\d+", p.name)]
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return len(nodes)
    named = [item for item in visible.split(",") if item.strip() and item.strip() != "-1"]
    return min(len(named), len(nodes))


# 2.4 gave the function the name that an older, different one had.
_RENAMED = tuple(int(part) for part in omegaconf_version.split(".")[:2]) >= (2, 4)
_register: Any = OmegaConf.register_resolver if _RENAMED else OmegaConf.register_new_resolver
RESOLVERS = {"resolve_cache_dir": cache_dir, "resolve_dir": resolve_dir, "device_count": device_count}


def resolve(tree: dict[str, Any], provenance: Provenance) -> dict[Path, str]:
    """Put values in the place of interpolations, in place. Returns a problem for each that does not resolve."""
    for name, resolver in RESOLVERS.items():
        if not OmegaConf.has_resolver(name):
            _register(name, resolver)
    problems: dict[Path, str] = {}

    def complain(path: Path, text: str, error: Exception) -> None:
        reason = str(error).split("\n")[0]
        reason = reason.removeprefix("KeyError raised while resolving interpolation: ").strip('".')
        problems[path] = f"{dotted(path)} ({provenance.origin(path).place}): {text} does not resolve: {reason}."

    found = list(_interpolations(tree, ()))
    for path, text in list(found):
        try:
            OmegaConf.create([text])
        except OmegaConfBaseException as error:
            complain(path, text, error)
            get(tree, path[:-1])[path[-1]] = None
            found.remove((path, text))
    config = OmegaConf.create(tree)
    values: list[tuple[Path, Any]] = []
    for path, text in found:
        try:
            node: Any = config
            for part in path:
                node = node[part]
            values.append((path, OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node))
        except (OmegaConfBaseException, RecursionError) as error:
            complain(path, text, error)
    for path, value in values:
        get(tree, path[:-1])[path[-1]] = value
    return problems


def _interpolations(node: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(node, str):
        if "${" in node:
            yield path, node
        return
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        yield from _interpolations(child, (*path, key))
