"""`build_model`: from a config section to a model that is ready to train."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from omegaconf import OmegaConf

from mmf_like.common.data_info import DataInfo
from mmf_like.common.errors import ConfigError
from mmf_like.common.registry import registry
from mmf_like.models.base_model import BaseModel


def build_model(config: Any, data_info: DataInfo | None = None) -> BaseModel:
    """The model that `config.model` names, with its layers and losses.

    `config` is a section of `model_config` (mapping, DictConfig or a model's `Config`), `data_info` what the
    dataset tells. What the section leaves out has the defaults of the model's `Config`. The caller's config is left
    as it is.
    """
    if is_dataclass(config):
        config = OmegaConf.structured(config)
    elif not OmegaConf.is_config(config):
        if not isinstance(config, Mapping):
            raise ConfigError(f"build_model takes a model's config section, not {type(config).__name__}.")
        config = OmegaConf.create(dict(config))
    name = config.get("model")
    if not name:
        raise ConfigError("The model's config needs a key `model` that names it, for example `model: pythia`.")
    model_class = registry.find("model", name)
    model = model_class(OmegaConf.merge(defaults_of(model_class), config))
    if data_info is not None:
        model.data_info = data_info
    model.build()
    model.init_losses()
    return model


def defaults_of(model_class: type[BaseModel]) -> dict[str, Any]:
    """The defaults that the model's `Config` declares; `"???"` says that there is none."""
    defaults: dict[str, Any] = {}
    for field in fields(model_class.Config) if is_dataclass(model_class.Config) else ():
        value = field.default_factory() if field.default_factory is not MISSING else field.default
        if value is not MISSING and value != "???":
            defaults[field.name] = value
    return defaults
