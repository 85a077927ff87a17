"""The base of metrics: a torchmetrics `Metric` that reads batches and outputs, also when written for MMF."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities.data import dim_zero_cat

from mmf_like.common.errors import BatchError, TrainingError


class BaseMetric(Metric):
    """Write either of two forms.

    Streaming, whose memory does not grow: call `add_state` in `__init__`, override `update(sample_list, model_output)`
    and `compute()`; `calculate` follows from them. Or MMF's: override `calculate(sample_list, model_output)`, which
    returns a number, a tensor or a dict of them; then the fields `required_params` are kept over the split and
    `calculate` runs on all of them at the end. Calling the metric is `calculate`, and leaves its state alone.

    `name` is what a config calls it, `required_params` the fields read (of the output, else of the batch), `ordering`
    says whether "max" or "min" is better, `datasets` which datasets it is for (None: all).
    """

    full_state_update = False
    ordering = "max"

    def __init__(self, name: str, *args: Any, **kwargs: Any):
        super().__init__()
        self.name = name
        self.datasets: list[str] | None = None
        self._rows: dict[str, list[Any]] = {}  # fields that are no tensors
        self._required_params: list[str] = []
        self.required_params = ["scores", "targets"]

    # -- for authors -----------------------------------------------------------------------------------------

    def calculate(self, sample_list: Any, model_output: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
        """The value on one batch by itself."""
        if not self._streams:
            raise NotImplementedError(f"{type(self).__name__} must override calculate, or update and compute.")
        fresh = copy.deepcopy(self)
        fresh.reset()
        fresh.update(sample_list, model_output)
        return fresh.compute()

    def update(self, sample_list: Any, model_output: Mapping[str, Any]) -> None:
        for field in self._required_params:
            value = read_field(field, sample_list, model_output, self.name)
            if isinstance(value, Tensor):
                value = value.detach()
                getattr(self, _state_of(field)).append(value if value.dim() else value.view(1))
            else:
                self._rows.setdefault(field, []).extend(value)

    def compute(self) -> Any:
        kept = _Fields(self._rows)
        if self._rows and torch.distributed.is_initialized() and torch.distributed.get_world_size() > 1:
            raise TrainingError(
                f"Metric {self.name!r} reads {', '.join(self._rows)}, which are no tensors and cannot be gathered "
                "from several processes. Evaluate in one process."
            )
        for field in self._required_params:
            values = getattr(self, _state_of(field))
            if isinstance(values, Tensor) or values:
                kept[field] = dim_zero_cat(values)
        return self.calculate(kept, kept)

    # -- the rest --------------------------------------------------------------------------------------------

    @property
    def required_params(self) -> list[str]:
        return list(self._required_params)

    @required_params.setter
    def required_params(self, fields: list[str]) -> None:
        if not self._streams:
            for field in self._required_params:
                self._forget(_state_of(field))
            for field in fields:
                self.add_state(_state_of(field), default=[], dist_reduce_fx="cat")
        self._required_params = list(fields)

    def set_applicable_datasets(self, datasets: list[str] | None) -> None:
        self.datasets = list(datasets) if datasets else None

    def is_dataset_applicable(self, dataset: str) -> bool:
        return self.datasets is None or dataset in self.datasets

    def forward(self, sample_list: Any, model_output: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
        return self.calculate(sample_list, model_output, *args, **kwargs)

    def reset(self) -> None:
        super().reset()
        self._rows = {}

    @property
    def _streams(self) -> bool:
        return type(self).compute is not BaseMetric.compute

    def _forget(self, state: str) -> None:
        for shelf in (self._defaults, self._persistent, self._reductions):
            shelf.pop(state, None)
        delattr(self, state)


class _Fields(dict):
    """Fields that can be read as items and as attributes, as those of a batch and of an output."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


def read_field(field: str, sample_list: Any, model_output: Mapping[str, Any], metric: str) -> Any:
    """`field` of the output, else of the batch. Raises `BatchError` when neither has it."""
    if field in model_output:
        return model_output[field]
    if field in sample_list:
        return sample_list[field]
    raise BatchError(
        f"Metric {metric!r} reads {field!r}, but the output has {', '.join(map(str, model_output)) or 'nothing'} "
        f"and the batch has {', '.join(map(str, sample_list)) or 'nothing'}."
    )


def _state_of(field: str) -> str:
    return f"kept_{field}"
