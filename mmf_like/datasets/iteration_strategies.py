"""Whose turn it is when several datasets train together.

A strategy writes the schedule of one epoch: which dataset gives batch 0, 1, 2, ... of it. The schedule is a pure
function of (strategy, sizes, seed, epoch), so a resumed run continues the same mixture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from mmf_like.common.errors import ConfigError, did_you_mean
from mmf_like.common.registry import registry


class IterationStrategy:
    """Base of all strategies.

    `sizes` maps each dataset's name to its number of samples, in the order of `datasets=`; `batches` holds how
    many batches one pass over each takes.
    """

    should_exhaust_all_iterators = False

    def __init__(self, config: Mapping[str, Any] | None, sizes: Mapping[str, int], batches: Sequence[int]):
        self.config = dict(config or {})
        self.names = list(sizes)
        self.sizes = list(sizes.values())
        self.batches = list(batches)

    def schedule(self, generator: torch.Generator) -> Tensor:
        """The datasets' positions in `names`, one per batch of an epoch: shape (number of batches,), int64."""
        raise NotImplementedError

    def _weighted(self, weights: Sequence[float], generator: torch.Generator) -> Tensor:
        if min(weights) < 0 or sum(weights) == 0:
            raise ConfigError(
                "multitasking.params.sampling_ratios must be at least 0 and not all 0, but are: "
                f"{', '.join(f'{name}: {weight:g}' for name, weight in zip(self.names, weights))}."
            )
        odds = torch.tensor(weights, dtype=torch.float64)
        return torch.multinomial(odds, sum(self.batches), replacement=True, generator=generator)

    def _position(self, key: str) -> int:
        """The dataset that the param `key` (default 0) counts to."""
        position = int(self.config.get(key, 0))
        if not 0 <= position < len(self.names):
            raise ConfigError(
                f"multitasking.params.{key} is {position}, but the run's datasets are numbered "
                f"{', '.join(f'{number}: {name}' for number, name in enumerate(self.names))}."
            )
        return position


@registry.register_iteration_strategy("constant")
class ConstantIterationStrategy(IterationStrategy):
    """Always the same dataset (`idx`, default 0)."""

    should_exhaust_all_iterators = True

    def schedule(self, generator: torch.Generator) -> Tensor:
        position = self._position("idx")
        return torch.full((self.batches[position],), position, dtype=torch.int64)


@registry.register_iteration_strategy("round_robin")
class RoundRobinIterationStrategy(IterationStrategy):
    """One batch of each in turn, beginning with `start_idx` (default 0)."""

    def schedule(self, generator: torch.Generator) -> Tensor:
        start = self._position("start_idx")
        return (torch.arange(sum(self.batches)) + start) % len(self.names)


@registry.register_iteration_strategy("random")
class RandomIterationStrategy(IterationStrategy):
    """Every dataset equally likely for every batch."""

    def schedule(self, generator: torch.Generator) -> Tensor:
        return self._weighted([1.0] * len(self.names), generator)


@registry.register_iteration_strategy("size_proportional")
class SizeProportionalIterationStrategy(IterationStrategy):
    """Each dataset as likely as it is large; an epoch sees every sample of every dataset exactly once."""

    should_exhaust_all_iterators = True

    def schedule(self, generator: torch.Generator) -> Tensor:
        turns = torch.repeat_interleave(torch.arange(len(self.names)), torch.tensor(self.batches))
        return turns[torch.randperm(len(turns), generator=generator)]


@registry.register_iteration_strategy("ratios")
class RatiosIterationStrategy(IterationStrategy):
    """Given odds, `sampling_ratios: {dataset: weight}`; every dataset must be named."""

    def schedule(self, generator: torch.Generator) -> Tensor:
        ratios = dict(self.config.get("sampling_ratios") or {})
        missing = [name for name in self.names if name not in ratios]
        if missing:
            raise ConfigError(
                f"multitasking.params.sampling_ratios must name every dataset; missing: {', '.join(missing)}."
            )
        unknown = [name for name in ratios if name not in self.names]
        if unknown:
            raise ConfigError(
                f"multitasking.params.sampling_ratios names {unknown[0]!r}, which is not among the run's datasets"
                f" ({', '.join(self.names)}).{did_you_mean(unknown[0], self.names)}"
            )
        return self._weighted([float(ratios[name]) for name in self.names], generator)
