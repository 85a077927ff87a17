"""Losses over answers or classes. All read `scores` of the output and `targets` of the batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from mmf_like.common.errors import BatchError
from mmf_like.common.registry import registry


@registry.register_loss("logit_bce")
class LogitBinaryCrossEntropy(nn.Module):
    """Binary cross entropy of logits, averaged over the batch and summed over the labels; targets B x C in [0, 1]."""

    def forward(self, sample_list: Any, model_output: Mapping[str, Any]) -> Tensor:
        scores, targets = model_output["scores"], sample_list["targets"]
        if scores.shape != targets.shape:
            raise BatchError(
                f"`targets` must have the shape of `scores`, {tuple(scores.shape)}, for logit_bce, "
                f"but has shape {tuple(targets.shape)}."
            )
        mean = nn.functional.binary_cross_entropy_with_logits(scores, targets.to(scores.dtype))
        return mean * targets.size(1)


@registry.register_loss("cross_entropy")
class CrossEntropyLoss(nn.Module):
    """`torch.nn.CrossEntropyLoss`, any of whose arguments are `params`; targets are class indices or soft labels."""

    def __init__(self, **params: Any):
        super().__init__()
        self.loss_fn = nn.CrossEntropyLoss(**params)

    def forward(self, sample_list: Any, model_output: Mapping[str, Any]) -> Tensor:
        scores, targets = model_output["scores"], sample_list["targets"]
        try:
            return self.loss_fn(scores, targets)
        except IndexError as error:  # asked only now: looking at the classes each time would wait for the device
            raise BatchError(
                f"`targets` must be classes from 0 to {scores.shape[1] - 1} for cross_entropy, as `scores` have shape "
                f"{tuple(scores.shape)}, but they go from {targets.min().item()} to {targets.max().item()}."
            ) from error
        except ValueError as error:
            raise BatchError(
                f"`targets` of shape {tuple(targets.shape)} do not fit `scores` of shape {tuple(scores.shape)} "
                f"for cross_entropy: {error}"
            ) from error
