"""One measured ratio and how it is taken: in turn, several rounds, the median quoted."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Ratio:
    """`value` is ours over the other's; `bound` says what it should be, `at most` or `at least`."""

    name: str
    value: float
    bound: float
    at_least: bool = False
    ours: float = float("nan")
    other: float = float("nan")
    unit: str = "s"

    @property
    def holds(self) -> bool:
        return self.value >= self.bound if self.at_least else self.value <= self.bound


def alternate(ours: Callable[[], float], other: Callable[[], float], rounds: int = 5) -> tuple[float, float, float]:
    """Run both in turn. Returns the median of the round-by-round ratios and both medians; each call returns seconds."""
    pairs = [(ours(), other()) for _ in range(rounds)]
    ratio = statistics.median(a / b for a, b in pairs)
    return ratio, statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)
