"""Metrics over classes. Shapes: B batch, C classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from mmf_like.common.errors import BatchError, ConfigError
from mmf_like.common.registry import registry
from mmf_like.modules.metrics.base import BaseMetric, read_field


@registry.register_metric("accuracy")
class Accuracy(BaseMetric):
    """Share of samples whose target class is among the `topk` highest scores.

    Reads `score_key`: B x C, or B predicted classes; and `target_key`: B or B x 1 class indices, or B x C one-hot or
    soft targets, of which the highest counts (with `topk` above 1, each of several that are highest).
    """

    correct: Tensor
    total: Tensor

    def __init__(self, score_key: str = "scores", target_key: str = "targets", topk: int = 1):
        super().__init__("accuracy")
        if topk < 1:
            raise ConfigError(f"accuracy: topk must be at least 1, but is {topk}.")
        self.score_key, self.target_key, self.topk = score_key, target_key, topk
        self.required_params = [score_key, target_key]
        self.add_state("correct", torch.tensor(0), dist_reduce_fx="sum")
        self.add_state("total", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, sample_list: Any, model_output: Mapping[str, Any]) -> None:
        scores = read_field(self.score_key, {}, model_output, self.name)
        targets = read_field(self.target_key, sample_list, model_output, self.name)
        if scores.dim() > 2:
            raise BatchError(
                f"`{self.score_key}` must have shape (batch, classes) or (batch,) for accuracy, "
                f"but has shape {tuple(scores.shape)}."
            )
        self.correct += self._hits(scores, targets).sum()
        self.total += scores.shape[0]

    def compute(self) -> Tensor:
        return self.correct / self.total

    def _hits(self, scores: Tensor, targets: Tensor) -> Tensor:
        """bool B"""
        soft = targets.dim() == 2 and targets.shape[1] > 1
        if scores.dim() == 1 or self.topk == 1:
            predicted = scores if scores.dim() == 1 else scores.argmax(1)
            return predicted == (targets.argmax(1) if soft else targets.reshape(-1))
        best = scores.topk(self.topk, dim=1).indices  # B x topk
        if soft:
            is_target = targets == targets.amax(1, keepdim=True)  # B x C
            return is_target.gather(1, best).any(1)
        return (best == targets.reshape(-1, 1)).any(1)
