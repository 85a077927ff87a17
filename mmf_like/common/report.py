"""Report: what a step made, batch and model output in one place, for metrics, meters and prediction files."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from mmf_like.common.errors import BatchError
from mmf_like.common.field_dict import FieldDict, checked_device, map_tensors, table
from mmf_like.common.sample import register_pytree

PREDICTION_REPORT = "__prediction_report__"  # asked for by prediction metrics; filled elsewhere


class Report(FieldDict):
    """The fields of a batch, then those of the model's output, which win over the batch with a warning.

    Also made from a list of pairs. Fields of the third and later arguments that are already there warn, too.
    """

    def __init__(self, batch: Any = None, model_output: Mapping[str, Any] | None = None, *more: Mapping[str, Any]):
        super().__init__()
        if batch is None:
            return
        arguments = [batch] if model_output is None and not more else [batch, model_output, *more]
        if not isinstance(batch, Mapping) and len(arguments) == 1:
            pairs = batch if isinstance(batch, list) else list(batch)
            if all(isinstance(pair, (tuple, list)) and len(pair) == 2 for pair in pairs):
                dict.update(self, pairs)
                return
        for index, argument in enumerate(arguments):
            if not isinstance(argument, Mapping):
                raise TypeError(
                    f"A Report is made of mappings, but argument {index} is a {type(argument).__name__}: "
                    f"{repr(argument)[:80]}."
                )
        if hasattr(batch, "get_batch_size"):
            self.__dict__["_batch_size"] = _batch_size(batch)
        for index, argument in enumerate(arguments):
            for name, value in argument.items():
                if name in self and self[name] is not value:
                    held = "the batch's field" if index == 1 else "the field"
                    source = "the model's output" if index == 1 else f"argument {index}"
                    warnings.warn(f"Report: {name!r} of {source} replaces {held} of that name.", stacklevel=2)
                self[name] = value

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "batch_size":
            self.__dict__["_batch_size"] = value
        else:
            super().__setattr__(name, value)

    @property
    def batch_size(self) -> int:
        """Rows of the batch, also after `accumulate_tensor_fields_and_loss`; not a field."""
        known = self.__dict__.get("_batch_size")
        if known is not None:
            return known
        if dict.__contains__(self, "batch_size"):
            return self["batch_size"]
        for value in self.values():
            if isinstance(value, Tensor) and value.dim() > 0:
                return len(value)
        raise BatchError(f"This Report has no batch size: it has no tensor. Its fields are {', '.join(self)}.")

    def get_batch_size(self) -> int:
        return self.batch_size

    def apply_fn(self, fn: Callable[[Any], Any], fields: Iterable[str] | None = None) -> Report:
        """Replaces every field (or the named ones) by `fn` of it, one level into lists and mappings."""
        for name in list(self) if fields is None else fields:
            value = self[name]
            if isinstance(value, Mapping):
                # A copy, because a mapping may belong to the batch as well.
                changed: Any = copy.copy(value)
                changed.update({key: fn(item) for key, item in value.items()})
                self[name] = changed
            elif isinstance(value, list):
                self[name] = [fn(item) for item in value]
            else:
                self[name] = fn(value)
        return self

    def detach(self) -> Report:
        """Detaches every tensor, in place."""
        for name, value in self.items():
            self[name] = map_tensors(value, lambda item: item.detach(), "detach")
        return self

    def to(self, device: str | torch.device, non_blocking: bool = True, fields: Iterable[str] | None = None) -> Report:
        """Moves every tensor (or those of the named fields), in place. Copies to the CPU always block."""
        target = checked_device(device)
        non_blocking = non_blocking and target.type != "cpu"
        for name in list(self) if fields is None else fields:
            self[name] = map_tensors(self[name], lambda item: item.to(target, non_blocking=non_blocking), "to")
        return self

    def copy(self) -> Report:
        """A Report with a deep copy of every field."""
        fresh = type(self)()
        fresh.__dict__.update(self.__dict__)
        for name, value in self.items():
            fresh[name] = copy.deepcopy(value)
        return fresh

    def accumulate_tensor_fields_and_loss(self, report: Report, field_list: Sequence[str]) -> None:
        """Appends the named fields of `report` (tensors in dimension 0, lists at the end), adds its losses."""
        for name in field_list:
            if name == PREDICTION_REPORT:
                continue
            if name not in self or name not in report:
                lacking = "this report" if name not in self else "the report to be added"
                warnings.warn(f"Field {name!r} cannot be accumulated: {lacking} does not have it.", stacklevel=2)
                continue
            held, new = self[name], report[name]
            if isinstance(held, Tensor):
                self[name] = torch.cat((held, new), dim=0)
            elif isinstance(held, list):
                self[name] = [*held, *new]
        if "losses" in report:
            losses = dict(self.get("losses") or {})
            for key, value in report["losses"].items():
                losses[key] = losses[key] + value if key in losses else value
            self["losses"] = losses

    def __repr__(self) -> str:
        return "\n".join(["Report", *table(self)]) if self else "Report (empty)"


def _batch_size(batch: Any) -> int | None:
    try:
        return batch.get_batch_size()
    except BatchError:
        return None  # a batch of strings only: asking the report for its size says so


register_pytree(Report)
