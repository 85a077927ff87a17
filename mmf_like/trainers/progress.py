"""The train bar, the progress lines of MMF's kind, and the scalars, from the losses of a window."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import torch

from mmf_like.distributed import gather_objects
from mmf_like.trainers.display import Display, ScalarWriter
from mmf_like.trainers.loss_window import LossWindow
from mmf_like.trainers.state import Clock, TrainState

SHOW_EVERY_S = 0.5


class Progress:
    """Shows how far a training of `max_updates` is. On a GPU it reads losses only where a line is logged."""

    def __init__(self, display: Display, state: TrainState, max_updates: int, *, on_cpu: bool):
        self.display, self.state, self.max_updates, self.on_cpu = display, state, max_updates, on_cpu
        self.writer: ScalarWriter | None = None
        self.clock = Clock(state)
        self._bar = display.bar("train", max_updates, state.updates)
        self._logged_at = (time.monotonic(), state.updates)
        self._shown_at = 0.0

    def update(self, window: LossWindow, rate: float) -> None:
        """One more update is done."""
        self._bar.update(1)
        if self.on_cpu and self.display.bars and len(window) and time.monotonic() - self._shown_at > SHOW_EVERY_S:
            self._shown_at = time.monotonic()
            self._show(window.last_total(), rate)

    def log(
        self, window: LossWindow, rate: float, epoch: int, metrics: Mapping[str, float] | None = None
    ) -> dict[str, float]:
        """A progress line and scalars from the window, over all ranks, and from `metrics`; the window is then empty."""
        losses = {**mean_over_ranks(window.summary()), **(metrics or {})}
        window.clear()
        self.clock.tick()
        state, now = self.state, time.monotonic()
        updates = state.updates - self._logged_at[1]
        speed = updates / max(now - self._logged_at[0], 1e-9)
        self._logged_at = (now, state.updates)
        record: dict[str, Any] = {**losses}
        if not self.on_cpu:
            record["max mem"] = f"{torch.cuda.max_memory_allocated() / 2**20:.0f} MB"
        record |= {
            "epoch": epoch,
            "num_updates": state.updates,
            "iterations": state.batches,
            "max_updates": self.max_updates,
            "lr": f"{rate:.6g}",
            "ups": f"{speed:.2f}",
            "time": duration(updates / max(speed, 1e-9)),
            "time_since_start": duration(state.seconds),
            "eta": duration((self.max_updates - state.updates) / max(speed, 1e-9)),
        }
        self.display.log(record, f"{state.updates}/{self.max_updates}")
        scalars = {**losses, "train/learning_rate": rate}
        self.write(scalars, epoch)
        self._show(losses.get("train/total_loss", float("nan")), rate)
        return scalars

    def write(self, scalars: Mapping[str, float], epoch: int) -> None:
        if self.writer is not None:
            self.writer.write(scalars, update=self.state.updates, epoch=epoch)

    def close(self) -> None:
        self._bar.close()

    def _show(self, loss: float, rate: float) -> None:
        self._bar.set_postfix_str(f"loss {loss:.4f}, lr {rate:.1e}", refresh=False)


def validation_line(update: int, results: Mapping[str, float], best: str | None) -> str:
    """`  val  update 500: easy_vqa/accuracy 0.8033 (best so far), ...`; `best` is the key to mark, if any."""
    parts = [
        f"{key.removeprefix('val/')} {value:.4f}" + (" (best so far)" if key == best else "")
        for key, value in results.items()
    ]
    return f"  val  update {update}: {', '.join(parts)}"


def mean_over_ranks(numbers: dict[str, float]) -> dict[str, float]:
    everyone = gather_objects(numbers)
    if len(everyone) == 1:
        return numbers
    keys = {key: None for part in everyone for key in part}
    return {key: sum(p[key] for p in everyone if key in p) / sum(key in p for p in everyone) for key in keys}


def duration(seconds: float) -> str:
    minutes, seconds = divmod(max(int(seconds), 0), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}h {minutes:02d}m {seconds:02d}s"
