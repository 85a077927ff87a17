"""Encoders of pictures."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmf_like.common.errors import ConfigError
from mmf_like.common.registry import registry
from mmf_like.modules.encoders.base import Encoder

NORMS = ("batch", "none")


@registry.register_encoder("conv_grid")
class ConvGridEncoder(Encoder):
    """A small convolutional net for small pictures: B x in_channels x H x W to grid features B x N x C.

    One stage per entry of `channels`: convolution with the stride of the same place in `strides` (default 2) and a
    kernel of twice the stride less one, at least 3; batch norm unless `norm` is "none"; ReLU. C is the last entry; N
    is the number of cells left, row by row from the top left. Pictures of bytes (uint8) are scaled to [0, 1].
    """

    def __init__(
        self,
        channels: Sequence[int] = (16, 32, 64),
        *,
        in_channels: int = 3,
        strides: Sequence[int] | None = None,
        norm: str = "batch",
    ):
        super().__init__()
        strides = [2] * len(channels) if strides is None else list(strides)
        if not channels or len(strides) != len(channels):
            raise ConfigError(
                f"conv_grid takes one stride per entry of channels: {list(channels)} has {len(channels)}, "
                f"{strides} has {len(strides)}."
            )
        if norm not in NORMS:
            raise ConfigError(f"conv_grid: norm must be batch or none, but is {norm!r}.")
        layers: list[nn.Module] = []
        for width, stride in zip(channels, strides):
            kernel = max(3, 2 * stride - 1)
            layers.append(nn.Conv2d(in_channels, width, kernel, stride, kernel // 2, bias=norm == "none"))
            if norm == "batch":
                layers.append(nn.BatchNorm2d(width))
            layers.append(nn.ReLU(inplace=True))
            in_channels = width
        self.layers = nn.Sequential(*layers).to(memory_format=torch.channels_last)
        self.out_dim = in_channels

    def forward(self, image: Tensor) -> Tensor:
        if image.dtype == torch.uint8:
            image = image.to(next(self.parameters()).dtype) / 255
        grid = self.layers(image.contiguous(memory_format=torch.channels_last))  # B x C x h x w
        return grid.flatten(2).transpose(1, 2)
