"""Meter: running medians and averages of losses and metrics, for log lines."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor


class SmoothedValue:
    """The last `window_size` values of a series and its average since the start, weighted by batch size."""

    def __init__(self, window_size: int = 20):
        self.window_size = window_size
        self.reset()

    def reset(self) -> None:
        self.values: deque[float] = deque(maxlen=self.window_size)
        self.sizes: deque[int] = deque(maxlen=self.window_size)
        self.total = 0.0
        self.count = 0

    def update(self, value: float, batch_size: int = 1) -> None:
        self.values.append(value)
        self.sizes.append(batch_size)
        self.total += value * batch_size
        self.count += batch_size

    @property
    def median(self) -> float:
        """Of the window, unweighted; the lower one of two middle values; NaN when there is none."""
        return torch.tensor(list(self.values)).median().item()

    @property
    def avg(self) -> float:
        """Of the window, summed in float32."""
        weighted = torch.tensor([value * size for value, size in zip(self.values, self.sizes)])
        return weighted.sum().item() / sum(self.sizes)

    @property
    def global_avg(self) -> float:
        return self.total / self.count

    def get_latest(self) -> float:
        return self.values[-1]


class Meter:
    """One `SmoothedValue` per loss and metric, reached as attribute or by key in `meters`.

    `reduce` brings a dict of 0-d tensors together over the processes of a run, with one process nothing.
    """

    def __init__(
        self,
        delimiter: str = ", ",
        reduce: Callable[[dict[str, Tensor]], dict[str, Tensor]] | None = None,
        window_size: int = 20,
    ):
        self.delimiter = delimiter
        self.reduce = reduce
        self.window_size = window_size
        self.meters: dict[str, SmoothedValue] = {}

    def update(self, update_dict: Mapping[str, float | Tensor], batch_size: int = 1) -> None:
        for key, value in update_dict.items():
            number = value.item() if isinstance(value, Tensor) else value
            self.meters.setdefault(key, SmoothedValue(self.window_size)).update(number, batch_size)

    def update_from_report(self, report: Any, should_update_loss: bool = True) -> None:
        """Reads `losses`, `metrics`, `batch_size` and `dataset_type`; adds `<split>/total_loss`."""
        values: dict[str, Tensor] = {}
        if should_update_loss:
            losses = {key: _mean(value) for key, value in report.get("losses", {}).items()}
            losses = self.reduce(losses) if self.reduce else losses
            values.update(losses)
            if losses:
                values[f"{report.dataset_type}/total_loss"] = torch.stack(list(losses.values())).sum()
        metrics = {key: _mean(value) for key, value in report.get("metrics", {}).items()}
        values.update(self.reduce(metrics) if self.reduce else metrics)
        if values:
            # One transfer from the device for all values together.
            numbers = torch.stack([value.to(next(iter(values.values())).device) for value in values.values()])
            self.update(dict(zip(values, numbers.tolist())), report.batch_size)

    def update_from_meter(self, meter: Meter) -> None:
        """Takes over the values of another meter; those of the same key are replaced."""
        self.meters.update(meter.meters)

    def reset(self) -> None:
        for value in self.meters.values():
            value.reset()

    def get_scalar_dict(self) -> dict[str, float]:
        """The latest value of each."""
        return {key: value.get_latest() for key, value in self.meters.items()}

    def get_log_dict(self) -> dict[str, str]:
        """Four decimals: for keys with `train` the median, and as `<key>/avg` the average; else the average."""
        log: dict[str, str] = {}
        for key, value in self.meters.items():
            if "train" in key:
                log[key] = f"{value.median:.4f}"
                log[f"{key}/avg"] = f"{value.global_avg:.4f}"
            else:
                log[key] = f"{value.global_avg:.4f}"
        return log

    def __getattr__(self, name: str) -> SmoothedValue:
        meters = self.__dict__.get("meters", {})
        if name in meters:
            return meters[name]
        raise AttributeError(f"The Meter has no {name!r}. It has {', '.join(meters) or 'no values yet'}.")

    def __str__(self) -> str:
        parts = []
        for key, value in self.meters.items():
            shown = f"{value.median:.4f} ({value.global_avg:.4f})" if "train" in key else f"{value.global_avg:.4f}"
            parts.append(f"{key}: {shown}")
        return self.delimiter.join(parts)


def _mean(value: Any) -> Tensor:
    """A 0-d float tensor."""
    return torch.as_tensor(value).detach().float().mean()
