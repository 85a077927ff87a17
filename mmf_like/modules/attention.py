"""Attention of a question over image regions. Shapes: B batch, N regions, D width, G glimpses (attention maps)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from mmf_like.common.construct import construct
from mmf_like.common.errors import ConfigError
from mmf_like.modules.layers import ModalCombineLayer, TransformLayer

NORMALIZATIONS = ("softmax", "sigmoid")


class TopDownAttention(nn.Module):
    """Weights of image regions given a question (Anderson et al., "Bottom-Up and Top-Down Attention", 2018).

    Reads image B x N x D, question B x Q and, optional, the number of valid regions per image, B.
    Returns weights B x N x G: summing to one over the valid regions with "softmax", each in (0, 1) with "sigmoid".
    Regions past the valid ones weigh zero; an image without any has zero weights.
    """

    def __init__(self, combination_layer: nn.Module, transform_module: nn.Module, normalization: str):
        super().__init__()
        self.combination_layer = combination_layer
        self.transform = transform_module
        self.normalization = normalization.lower()
        if self.normalization not in NORMALIZATIONS:
            raise ConfigError(f"normalization must be softmax or sigmoid, but is {normalization!r}.")
        self.out_dim: int = transform_module.out_dim  # type: ignore[assignment]

    def forward(self, image: Tensor, question: Tensor, num_regions: Tensor | None = None) -> Tensor:
        logits = self.transform(self.combination_layer(image, question))
        if num_regions is None:
            return logits.softmax(dim=1) if self.normalization == "softmax" else logits.sigmoid()
        valid = region_mask(num_regions, logits.shape[1]).unsqueeze(2)  # B x N x 1
        if self.normalization == "sigmoid":
            return logits.sigmoid() * valid
        lowest = torch.finfo(logits.dtype).min
        return logits.masked_fill(~valid, lowest).softmax(dim=1) * valid


class AttentionLayer(nn.Module):
    """`TopDownAttention` with combination and transform built from `{type, params}` sections; `out_dim` is G."""

    def __init__(
        self,
        image_dim: int,
        question_dim: int,
        *,
        modal_combine: Mapping[str, Any],
        transform: Mapping[str, Any],
        normalization: str,
    ):
        super().__init__()
        combine = ModalCombineLayer(
            _type(modal_combine), image_dim, question_dim, **(modal_combine.get("params") or {})
        )
        what, params = f"transform {_type(transform)!r}", transform.get("params") or {}
        to_logits = construct(what, TransformLayer, _type(transform), combine.out_dim, **params)
        self.module = TopDownAttention(combine, to_logits, normalization)
        self.out_dim = self.module.out_dim

    def forward(self, image: Tensor, question: Tensor, num_regions: Tensor | None = None) -> Tensor:
        return self.module(image, question, num_regions)


def region_mask(num_regions: Tensor, length: int) -> Tensor:
    """`num_regions` B -> bool B x length, true for the first `num_regions[b]` positions of row b."""
    return torch.arange(length, device=num_regions.device) < num_regions.unsqueeze(1)


def _type(section: Mapping[str, Any]) -> str:
    if not section.get("type"):
        raise ConfigError(f"A section of an attention needs a type, but is {dict(section)}.")
    return section["type"]
