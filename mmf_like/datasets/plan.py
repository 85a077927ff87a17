"""Which samples make batch k: a pure function of the config, never of what happened before.

Everything is computed from (seed, k, sizes, strategy, world size), so resuming at any batch costs the same,
does not depend on the number of workers, and neither repeats nor skips a sample.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from mmf_like.common.errors import ConfigError, DataError
from mmf_like.datasets.iteration_strategies import IterationStrategy


@dataclass(frozen=True)
class BatchSpec:
    """One rank's share of one batch.

    `dataset` is a position in the run's list of datasets, `epoch` counts passes over that dataset, `indices` are
    this rank's samples and `global_size` is the number of samples of all ranks together.
    """

    dataset: int
    epoch: int
    indices: tuple[int, ...]
    global_size: int


def derived_seed(*parts: int | str) -> int:
    """A 63-bit seed that depends on all `parts` and is the same on every platform."""
    digest = hashlib.blake2b("/".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def per_rank_batch_size(batch_size: int, world_size: int) -> int:
    if batch_size % world_size:
        near = max(batch_size // world_size, 1) * world_size
        raise ConfigError(
            f"training.batch_size is {batch_size}, which {world_size} ranks cannot share equally. "
            f"Use a multiple of {world_size}, for example {near}, or set training.batch_size_per_device."
        )
    return batch_size // world_size


class TrainPlan:
    """Shuffled batches without end; an epoch is as long as the strategy's schedule.

    A dataset's last batch of a pass may be smaller; where it has fewer samples than there are ranks, no rank
    could take part alone, so that batch is left out.
    """

    def __init__(
        self,
        names: Sequence[str],
        sizes: Sequence[int],
        batch_size: int,
        *,
        seed: int,
        strategy: IterationStrategy,
        rank: int = 0,
        world_size: int = 1,
    ):
        per_rank_batch_size(batch_size, world_size)
        self.names, self.sizes, self.batch_size = list(names), list(sizes), batch_size
        self.seed, self.strategy = seed, strategy
        self.rank, self.world_size = rank, world_size
        self.passes = batches_per_pass(sizes, batch_size, world_size)
        self._totals: list[Tensor] = [torch.zeros(len(self.names), dtype=torch.int64)]
        self._schedule = lru_cache(maxsize=2)(self._compute_schedule)
        self._order = lru_cache(maxsize=2 * len(self.names))(self._compute_order)
        self.epoch_length = len(self._schedule(0)[0])

    def signature(self) -> dict[str, Any]:
        """What the batches depend on besides their number, in plain containers."""
        return {
            "datasets": dict(zip(self.names, self.sizes)),
            "batch_size": self.batch_size,
            "seed": self.seed,
            "strategy": type(self.strategy).__name__,
        }

    def locate(self, k: int) -> tuple[int, int]:
        """`(epoch, position in it)` of batch k."""
        return divmod(k, self.epoch_length)

    def __call__(self, k: int) -> BatchSpec:
        """This rank's share of batch k."""
        spec = self.whole(k)
        return BatchSpec(spec.dataset, spec.epoch, spec.indices[self.rank :: self.world_size], spec.global_size)

    def whole(self, k: int) -> BatchSpec:
        """Batch k of all ranks together."""
        epoch, position = self.locate(k)
        turns, nth = self._schedule(epoch)
        dataset = int(turns[position])
        number = int(nth[position])  # this dataset's batches before this one, over all epochs
        this_pass, offset = divmod(number, self.passes[dataset])
        order = self._order(dataset, this_pass)
        indices = tuple(order[offset * self.batch_size : (offset + 1) * self.batch_size].tolist())
        return BatchSpec(dataset, this_pass, indices, len(indices))

    def _compute_schedule(self, epoch: int) -> tuple[Tensor, Tensor]:
        """Each batch's dataset, and how many batches that dataset gave before it."""
        while len(self._totals) <= epoch:
            turns = self._turns(len(self._totals) - 1)
            self._totals.append(self._totals[-1] + torch.bincount(turns, minlength=len(self.names)))
        turns = self._turns(epoch)
        nth = torch.empty_like(turns)
        for dataset in range(len(self.names)):
            mine = turns == dataset
            nth[mine] = torch.arange(int(mine.sum())) + self._totals[epoch][dataset]
        return turns, nth

    def _turns(self, epoch: int) -> Tensor:
        return self.strategy.schedule(_generator(self.seed, "schedule", epoch))

    def _compute_order(self, dataset: int, this_pass: int) -> Tensor:
        generator = _generator(self.seed, "order", self.names[dataset], this_pass)
        return torch.randperm(self.sizes[dataset], generator=generator)


class EvalPlan:
    """Every sample exactly once, in order, one dataset after another.

    With several ranks, rank r takes samples r, r + world_size, ... of each batch; a rank left without samples in
    the last batch gets none.
    """

    def __init__(
        self, names: Sequence[str], sizes: Sequence[int], batch_size: int, *, rank: int = 0, world_size: int = 1
    ):
        per_rank_batch_size(batch_size, world_size)
        self.names, self.sizes, self.batch_size = list(names), list(sizes), batch_size
        self.rank, self.world_size = rank, world_size
        if max(sizes, default=0) < world_size:
            raise DataError(
                f"A split of {max(sizes, default=0)} samples cannot give {world_size} ranks one sample each."
            )
        self.starts = [(d, s) for d, n in enumerate(sizes) for s in range(0, n, batch_size) if s + rank < n]
        self.epoch_length = len(self.starts)

    def __call__(self, k: int) -> BatchSpec:
        dataset, start = self.starts[k]
        stop = min(start + self.batch_size, self.sizes[dataset])
        indices = tuple(range(start + self.rank, stop, self.world_size))
        return BatchSpec(dataset, 0, indices, stop - start)


def batches_per_pass(sizes: Sequence[int], batch_size: int, world_size: int) -> list[int]:
    """How many batches one pass over each dataset gives."""
    passes = []
    for size in sizes:
        whole, rest = divmod(size, batch_size)
        passes.append(whole + (rest >= world_size))
    if not all(passes):
        raise DataError(f"A train split of {min(sizes)} samples cannot give {world_size} ranks one sample each.")
    return passes


def _generator(*parts: int | str) -> torch.Generator:
    return torch.Generator().manual_seed(derived_seed(*parts))
