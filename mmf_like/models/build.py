"""`build_model`: from a config section to a model that is ready to train."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any

from omegaconf import OmegaConf

from mmf_like.common.data_info import DataInfo
from mmf_like.common.errors import ConfigError
from mmf_like.common.registry import registry
from mmf_like.models.base_model import BaseModel


def build_model(config: Any, data_info: DataInfo | None = None) -> BaseModel:
    """The model that `config.model` names, with its layers and losses.

    `config` is a section of `model_config` (mapping, DictConfig or a model's `Config`), `data_info` what the
    dataset tells. The caller's config is left as it is.
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
    model = registry.find("model", name)(config)
    if data_info is not None:
        model.data_info = data_info
    model.build()
    model.init_losses()
    return model
