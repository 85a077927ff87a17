"""What a run has reached: the part of a checkpoint that is neither weights nor optimizer."""

from __future__ import annotations

import random
import time
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
import torch


@dataclass
class TrainState:
    """Counters and bests. `batches` counts what the loop has trained on (all accumulation steps), `updates` the
    optimizer's steps; `seconds` and `cpu_seconds` are spent in training and its validations, over all restarts."""

    updates: int = 0
    batches: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    best_key: str = ""  # what `best_value` is a value of
    best_value: float | None = None
    best_update: int = 0
    last_validated: int = -1
    val_results: dict[str, float] = field(default_factory=dict)  # of the last validation
    best_results: dict[str, float] = field(default_factory=dict)  # of the best one

    def forget_best(self) -> None:
        """Begin the search for the best validation here: for another criterion, or when best.ckpt is elsewhere."""
        self.best_key, self.best_value, self.best_update, self.best_results = "", None, self.updates, {}

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def load(self, stored: dict[str, Any]) -> None:
        for item in fields(self):
            if item.name in stored:
                setattr(self, item.name, stored[item.name])


class Clock:
    """Adds wall and CPU seconds of this process to a state's totals."""

    def __init__(self, state: TrainState):
        self._state = state
        self._wall, self._cpu = time.monotonic(), time.process_time()

    def tick(self) -> None:
        wall, cpu = time.monotonic(), time.process_time()
        self._state.seconds += wall - self._wall
        self._state.cpu_seconds += cpu - self._cpu
        self._wall, self._cpu = wall, cpu


def random_state() -> dict[str, Any]:
    """The states of Python's, numpy's and torch's generators, as plain containers and tensors."""
    version, numbers, gauss = random.getstate()
    name, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
    return {
        "python": [version, list(numbers), gauss],
        "numpy": [name, torch.from_numpy(np.asarray(keys).astype(np.int64)), position, has_gauss, cached],
        "torch": torch.get_rng_state(),
        "cuda": list(torch.cuda.get_rng_state_all()) if torch.cuda.is_available() else [],
    }


def restore_random_state(stored: dict[str, Any]) -> None:
    version, numbers, gauss = stored["python"]
    random.setstate((version, tuple(numbers), gauss))
    name, keys, position, has_gauss, cached = stored["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), position, has_gauss, cached))
    torch.set_rng_state(stored["torch"].cpu())
    if stored["cuda"] and torch.cuda.is_available() and len(stored["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all([state.cpu() for state in stored["cuda"]])
