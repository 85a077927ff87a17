"""Metrics of visual question answering."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from mmf_like.common.errors import BatchError
from mmf_like.common.registry import registry
from mmf_like.modules.metrics.base import BaseMetric, read_field

UNKNOWN_ANSWER = 0


@registry.register_metric("vqa_accuracy")
class VQAAccuracy(BaseMetric):
    """Mean soft target of the answer with the highest score; answer 0, the unknown one, is never chosen.

    Reads `scores` (B x C; of B x K x C the first of the K heads counts) and `targets` (B x C, each answer's worth).
    """

    worth: Tensor
    total: Tensor

    def __init__(self) -> None:
        super().__init__("vqa_accuracy")
        self.add_state("worth", torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("total", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, sample_list: Any, model_output: Mapping[str, Any]) -> None:
        scores = read_field("scores", {}, model_output, self.name)
        targets = read_field("targets", sample_list, model_output, self.name)
        if scores.dim() == 3:
            scores = scores[:, 0]
        if scores.shape != targets.shape:
            raise BatchError(
                f"`targets` must have the shape of `scores`, {tuple(scores.shape)}, for vqa_accuracy, "
                f"but has shape {tuple(targets.shape)}."
            )
        chosen = scores[:, UNKNOWN_ANSWER + 1 :].argmax(1, keepdim=True) + UNKNOWN_ANSWER + 1  # B x 1
        self.worth += targets.gather(1, chosen).sum().to(self.worth.dtype)
        self.total += scores.shape[0]

    def compute(self) -> Tensor:
        return self.worth / self.total
