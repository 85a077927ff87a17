"""Tells who set a key: `mmf_check config ... --why KEY`."""

from __future__ import annotations

import json
from typing import Any

from mmf_like.common.errors import ConfigError
from mmf_like.config.assemble import Composed
from mmf_like.config.dump import to_plain
from mmf_like.config.legacy import RENAMED, RETIRED
from mmf_like.config.merge import MISSING, get
from mmf_like.config.provenance import Path, dotted, parse_key
from mmf_like.config.types import show
from mmf_like.config.validate import nearest


def explain(composed: Composed, key: str, *, as_json: bool = False) -> str:
    """The final value of `key` and its history, oldest first, the winner marked `>`. For a section, of its keys."""
    try:
        path = parse_key(key)
    except ValueError as error:
        raise ConfigError(f"{key} is not a key. Keys look like training.batch_size or a.b[0].c.") from error
    path = RENAMED.get(path, path)
    tree = to_plain(composed.config)
    value = get(tree, path)
    if value is MISSING:
        if path in RETIRED:
            raise ConfigError(f"{key} has no meaning any more; {RETIRED[path][0]}.")
        raise ConfigError(f"{key} is not set in this configuration.{nearest(key)}")
    leaves = _leaves(value, path) if isinstance(value, dict) else [path]
    if as_json:
        return json.dumps({dotted(leaf): _history(composed, leaf, get(tree, leaf)) for leaf in leaves}, indent=2)
    return "\n".join(_text(composed, leaf, get(tree, leaf)) for leaf in leaves)


def _history(composed: Composed, path: Path, value: Any) -> dict[str, Any]:
    settings = _settings(composed, path)
    return {
        "value": value,
        "set_by": [{"value": item.value, "origin": str(item.origin)} for item in settings],
    }


def _text(composed: Composed, path: Path, value: Any) -> str:
    settings = _settings(composed, path)
    shown = [_plain(item.value) for item in settings]
    width = max((len(text) for text in shown), default=0)
    lines = [f"{dotted(path)} = {_plain(value)}"]
    for index, (text, item) in enumerate(zip(shown, settings)):
        mark = ">" if index == len(settings) - 1 else " "
        lines.append(f"  {mark} {text:<{width}}  {item.origin}")
    return "\n".join(lines)


def _settings(composed: Composed, path: Path) -> list[Any]:
    """The chain of a key, with what was set through a list that holds it."""
    chain = composed.provenance.chain(path)
    latest = composed.provenance.winner(path)
    return chain if not chain or latest in chain else [*chain, latest]


def _plain(value: Any) -> str:
    return value if isinstance(value, str) and value else show(value)


def _leaves(node: Any, path: Path) -> list[Path]:
    if isinstance(node, dict) and node:
        return [leaf for key, child in node.items() for leaf in _leaves(child, (*path, key))]
    return [path]
