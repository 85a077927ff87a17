"""The losses since the last log line, kept where they were computed until somebody asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


class LossWindow:
    """Appending costs no kernel and no wait for the device; reading does."""

    def __init__(self) -> None:
        self._rows: list[dict[str, Tensor]] = []

    def __len__(self) -> int:
        return len(self._rows)

    def append(self, losses: Mapping[str, Tensor]) -> None:
        self._rows.append({key: value.detach() for key, value in losses.items()})

    def clear(self) -> None:
        self._rows.clear()

    def first_not_finite(self) -> int | None:
        """The position in the window of the first batch whose loss is NaN or infinite."""
        if not self._rows:
            return None
        totals = torch.stack([torch.stack([v.mean() for v in row.values()]).sum() for row in self._rows])
        bad = (~totals.isfinite()).nonzero()
        return int(bad[0]) if len(bad) else None

    def summary(self) -> dict[str, float]:
        """`<key>`: the median over the window, `<key>/avg`: the mean; `train/total_loss` is the sum over keys."""
        columns: dict[str, list[Tensor]] = {}
        for row in self._rows:
            for key, value in row.items():
                columns.setdefault(key, []).append(value.mean())
            total = torch.stack([value.mean() for value in row.values()]).sum()
            columns.setdefault("train/total_loss", []).append(total)
        keys, tensors = list(columns), [torch.stack(values).float() for values in columns.values()]
        if not keys:
            return {}
        numbers = torch.stack([torch.stack([t.median(), t.mean()]) for t in tensors]).tolist()
        summary: dict[str, float] = {}
        for key, (median, mean) in zip(keys, numbers):
            summary[key], summary[f"{key}/avg"] = median, mean
        return summary

    def last_total(self) -> float:
        return float(sum(value.mean() for value in self._rows[-1].values())) if self._rows else float("nan")

    def state_dict(self) -> list[dict[str, Any]]:
        return [{key: value.cpu() for key, value in row.items()} for row in self._rows]

    def load_state_dict(self, rows: list[dict[str, Tensor]], device: torch.device) -> None:
        self._rows = [{key: value.to(device) for key, value in row.items()} for row in rows]
