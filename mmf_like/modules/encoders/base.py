"""The base of encoders, and the builder that knows about configs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from mmf_like.common.construct import construct
from mmf_like.common.errors import ConfigError
from mmf_like.common.registry import registry


class Encoder(nn.Module):
    """A module that turns one modality into features of width `out_dim`."""

    out_dim: int


def build_encoder(config: Mapping[str, Any] | str) -> Encoder:
    """The encoder that `{type, params}` (or a bare name) asks for, its params given as keywords.

    Raises `ConfigError` for a section without `type` and for params the encoder does not take.
    """
    if isinstance(config, str):
        config = {"type": config}
    name = config.get("type")
    if not name:
        raise ConfigError(f"An encoder section needs a type, but has only: {', '.join(config) or 'nothing'}.")
    encoder = registry.find("encoder", name)
    params = {str(key): value for key, value in (config.get("params") or {}).items()}
    params.pop("model_data_dir", None)  # MMF writes it into every section
    return construct(f"encoder {name!r}", encoder, **params)
