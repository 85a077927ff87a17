"""Encoders of precomputed image features (B x N x D): as they are, or projected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from mmf_like.common.errors import ConfigError
from mmf_like.common.registry import registry
from mmf_like.modules.embeddings import ProjectionEmbedding
from mmf_like.modules.encoders.base import Encoder, build_encoder


@registry.register_encoder("identity")
class IdentityEncoder(Encoder):
    """Returns its input; `in_dim` is the width it has."""

    def __init__(self, in_dim: int = 100):
        super().__init__()
        self.module = nn.Identity()
        self.in_dim = self.out_dim = in_dim

    def forward(self, x: Tensor) -> Tensor:
        return self.module(x)


@registry.register_encoder("projection")
class ProjectionEncoder(Encoder):
    """`ProjectionEmbedding` of features; `module` is "linear" or "conv"."""

    def __init__(self, in_dim: int, out_dim: int, module: str = "linear", convs: Any = ()):
        super().__init__()
        self.module = ProjectionEmbedding(module=module, in_dim=in_dim, out_dim=out_dim, convs=convs)
        self.out_dim = self.module.out_dim

    def forward(self, x: Tensor) -> Tensor:
        return self.module(x)


def build_image_feature_encoder(config: Mapping[str, Any] | str, in_dim: int) -> Encoder:
    """The encoder of an `image_feature_encodings` entry for features of width `in_dim`; "default" is "identity"."""
    section: dict[str, Any] = {"type": config} if isinstance(config, str) else dict(config)
    name = section.get("type")
    if name in ("default", "identity"):
        return IdentityEncoder(in_dim)
    if not name:
        raise ConfigError("An entry of image_feature_encodings needs a type, for example default.")
    params = {str(key): value for key, value in (section.get("params") or {}).items()}
    return build_encoder({"type": name, "params": {"in_dim": in_dim, **params}})
