"""Which validation was the best, and when to stop waiting for a better one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from mmf_like.common.errors import ConfigError, did_you_mean
from mmf_like.trainers.state import TrainState


class EarlyStopping:
    """`config` is the section `training.early_stop`. The best validation is kept track of even when not enabled.

    `criteria` is `total_loss`, `<dataset>/<metric>` or `<dataset>/<loss>`, with or without `val/` in front;
    `patience` counts updates since the best.
    """

    def __init__(self, config: Mapping[str, Any], state: TrainState):
        self.enabled = bool(config.get("enabled"))
        self.patience = int(config.get("patience", 4000))
        self.name = str(config.get("criteria", "total_loss")).removeprefix("val/")
        self.minimize = bool(config.get("minimize", True))
        self.state = state

    @property
    def key(self) -> str:
        return f"val/{self.name}"

    def check(self, known: Iterable[str]) -> None:
        """Refuse a criterion that no validation will give. `known` are names without the split."""
        known = list(known)
        if self.name not in known:
            raise ConfigError(
                f"training.early_stop.criteria is {self.name!r}, but validation gives: {', '.join(known)}."
                f"{did_you_mean(self.name, known)}"
            )

    def observe(self, results: Mapping[str, float], update: int) -> bool:
        """Take note of a validation; true when it is the best so far."""
        value = results.get(self.key)
        if value is None or math.isnan(value):
            return False
        best = self.state.best_value
        if best is not None and not (value < best if self.minimize else value > best):
            return False
        self.state.best_value, self.state.best_update = value, update
        self.state.best_results = dict(results)
        return True

    def is_over(self, update: int) -> bool:
        """Whether patience has run out."""
        return self.enabled and update - self.state.best_update >= self.patience
