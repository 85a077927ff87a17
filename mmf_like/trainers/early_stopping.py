"""Which validation was the best, and when to stop waiting for a better one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mmf_like.common.errors import ConfigError, did_you_mean
from mmf_like.trainers.state import TrainState


class EarlyStopping:
    """`config` is the section `training.early_stop`. The best validation is kept track of even when not enabled.

    `criteria` is `total_loss`, `<dataset>/<metric>` or `<dataset>/<loss>`, with or without `val/` in front;
    `patience` counts updates since the best. `minimize: null` follows `ordering`, which says "max" or "min" of a
    criterion.
    """

    def __init__(self, config: Mapping[str, Any], state: TrainState, ordering: Callable[[str], str] = lambda _: "min"):
        self.enabled = bool(config.get("enabled"))
        self.patience = int(config.get("patience", 4000))
        self.name = str(config.get("criteria", "total_loss")).removeprefix("val/")
        self._minimize = config.get("minimize")
        self._ordering = ordering
        self.state = state

    @property
    def key(self) -> str:
        return f"val/{self.name}"

    @property
    def minimize(self) -> bool:
        return self._ordering(self.name) == "min" if self._minimize is None else bool(self._minimize)

    def check(self, known: Iterable[str]) -> None:
        """Refuse a criterion that no validation will give. `known` are names without the split.

        A metric or loss of several parts is known by its own name; which parts it has shows at the first validation.
        """
        known = list(known)
        if not any(self.name == name or self.name.startswith(f"{name}/") for name in known):
            raise ConfigError(
                f"training.early_stop.criteria is {self.name!r}, but validation gives: {', '.join(known)}."
                f"{did_you_mean(self.name, known)}"
            )

    def observe(self, results: Mapping[str, float], update: int) -> bool:
        """Take note of a validation; true when it is the best so far. Raises when the criterion is not in it."""
        if self.key not in results:
            self.check([key.removeprefix("val/") for key in results])
            raise ConfigError(f"training.early_stop.criteria is {self.name!r}, which this validation did not give.")
        value = results[self.key]
        if math.isnan(value):
            return False
        best = self.state.best_value if self.state.best_key == self.key else None
        if best is not None and not (value < best if self.minimize else value > best):
            return False
        self.state.best_key, self.state.best_value, self.state.best_update = self.key, value, update
        self.state.best_results = dict(results)
        return True

    def is_over(self, update: int) -> bool:
        """Whether patience has run out, as far as the validation of this very update tells."""
        return self.enabled and self.state.last_validated == update and update - self.state.best_update >= self.patience
