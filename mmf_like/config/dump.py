"""Writes a configuration as YAML that reads back as the same values, with us and with others."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf

from mmf_like.config.load import FLOAT, INT


class Dumper(yaml.SafeDumper):
    """PyYAML's safe dumper, which also quotes text that only our dialect reads as a number (`1e-3`)."""


Dumper.add_implicit_resolver("tag:yaml.org,2002:float", FLOAT, list("-+0123456789."))
Dumper.add_implicit_resolver("tag:yaml.org,2002:int", INT, list("-+0123456789"))


def to_plain(config: Any) -> Any:
    """A configuration as dicts, lists and plain values, everything resolved."""
    return OmegaConf.to_container(config, resolve=True) if OmegaConf.is_config(config) else config


def to_yaml(config: Any) -> str:
    """A configuration as YAML text, keys in their order."""
    return yaml.dump(to_plain(config), Dumper=Dumper, sort_keys=False, allow_unicode=True, width=110)


def save_config(path: str | os.PathLike[str], config: Any) -> Path:
    """Write a configuration to `path`; a reader never sees half of it."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    part.write_text(to_yaml(config), encoding="utf-8")
    part.replace(target)
    return target
