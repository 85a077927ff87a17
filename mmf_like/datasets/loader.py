"""The resumable loader: batches by number, whose whole state is a counter."""

from __future__ import annotations

import random
import re
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler, get_worker_info

from mmf_like.common.errors import BatchError, DataError, MMFError
from mmf_like.common.sample import SampleList
from mmf_like.datasets.plan import BatchSpec, derived_seed

_WORKER_DIED = re.compile(r"DataLoader worker \(pid")  # torch's text; a bug in a worker has its own type and text
Collator = Callable[[list[Any]], SampleList]


class Plan(Protocol):
    """What the loader asks: how many batches an epoch has, and which samples make batch k."""

    epoch_length: int

    def __call__(self, k: int) -> BatchSpec: ...


class BatchSource(Dataset):
    """Makes one batch from its `BatchSpec`; this is what runs inside a loader worker.

    Before each sample, Python's, numpy's and torch's generators are seeded from (seed, epoch, index), so an
    augmentation does not depend on the number of workers or on what was loaded before. Datasets that say
    `draws_random = False` are spared that.
    """

    def __init__(self, datasets: Sequence[Any], collators: Sequence[Collator], seed: int):
        self.datasets, self.collators, self.seed = list(datasets), list(collators), seed

    def __getitem__(self, spec: BatchSpec) -> SampleList:
        try:
            return self._batch(spec)
        except MMFError as error:
            if get_worker_info() is None:
                raise
            return Failure(error)  # type: ignore[return-value]

    def _batch(self, spec: BatchSpec) -> SampleList:
        dataset = self.datasets[spec.dataset]
        draws = draws_random(dataset)
        samples = []
        for index in spec.indices:
            if draws:
                seed_sample(derived_seed(self.seed, "sample", spec.dataset, spec.epoch, index))
            try:
                samples.append(dataset[index])
            except MMFError as error:
                raise DataError(f"{describe(dataset, index)}: {error}") from error
            except Exception as error:  # a bug: it keeps its traceback, with the sample's name below
                if hasattr(error, "add_note"):  # Python 3.11
                    error.add_note(f"This happened while {describe(dataset, index)} was made.")
                raise
        try:
            return self.collators[spec.dataset](samples)
        except MMFError as error:
            named = "; ".join(describe(dataset, index) for index in spec.indices[:8])
            raise BatchError(f"{error} The samples of this batch, from 0 on: {named}.") from error


@dataclass(frozen=True)
class Failure:
    """What a worker hands over in place of a batch. Raised there, the error would come with torch's traceback in it."""

    error: MMFError


def describe(dataset: Any, index: int) -> str:
    return dataset.describe(index) if hasattr(dataset, "describe") else f"sample {index}"


def draws_random(dataset: Any) -> bool:
    return getattr(dataset, "draws_random", True)


def seed_sample(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed & 0xFFFFFFFF)
    torch.default_generator.manual_seed(seed)


class ResumableLoader:
    """Yields batches `start` to `stop` of a plan, with or without worker processes.

    `stop=None` means one epoch. `position` is the number of the next batch to hand out. Weighted losses: with
    several ranks, a batch that the ranks share unequally carries `shard_weight` (this rank's samples times the
    number of ranks over all samples), so that the mean over ranks is the mean over samples.
    """

    def __init__(
        self,
        plan: Plan,
        source: BatchSource,
        *,
        num_workers: int = 0,
        pin_memory: bool = False,
        persistent_workers: bool = True,
        world_size: int = 1,
        start: int = 0,
        stop: int | None = None,
        user_dir: str | None = None,
    ):
        self.plan, self.source, self.world_size = plan, source, world_size
        self.start, self.stop = start, plan.epoch_length if stop is None else stop
        self.position = start
        self._feed = _Feed(plan)
        self._loader: DataLoader = DataLoader(
            source,
            batch_size=None,
            sampler=self._feed,
            num_workers=num_workers,
            collate_fn=_as_is,
            pin_memory=pin_memory,
            persistent_workers=persistent_workers and num_workers > 0,
            worker_init_fn=_WorkerSetUp(user_dir) if num_workers else None,
            generator=torch.Generator(),  # its own, so that starting workers draws nothing from the global one
        )

    def __len__(self) -> int:
        return max(self.stop - self.start, 0)

    def __iter__(self) -> Iterator[SampleList]:
        self._feed.start, self._feed.stop = self.start, self.stop
        self.position = self.start
        batches: Iterator[SampleList | Failure] = iter(self._loader)
        while True:
            batch = self._next(batches)
            if batch is None:
                return
            if isinstance(batch, Failure):
                raise batch.error
            if self.world_size > 1:
                spec = self.plan(self.position)
                weight = len(spec.indices) * self.world_size / spec.global_size
                if weight != 1.0:
                    batch["shard_weight"] = weight
            self.position += 1
            yield batch

    def _next(self, batches: Iterator[SampleList | Failure]) -> SampleList | Failure | None:
        if self._loader.num_workers:
            try:
                return next(batches, None)
            except RuntimeError as error:
                if not _WORKER_DIED.match(str(error)):
                    raise
                reason = str(error).splitlines()[0].rstrip(". ")
                raise DataError(
                    f"A loading process ended unexpectedly: {reason}. Often it ran out of memory: "
                    "try fewer training.num_workers; with 0 the main process loads, and says what is wrong."
                ) from error
        if not any(map(draws_random, self.source.datasets)):
            return next(batches, None)
        state = random.getstate(), np.random.get_state(), torch.get_rng_state()
        try:
            return next(batches, None)
        finally:  # samples were seeded one by one in this process: give its own generators back
            random.setstate(state[0])
            np.random.set_state(state[1])
            torch.set_rng_state(state[2])

    def state_dict(self) -> dict[str, int]:
        return {"position": self.position}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.start = self.position = state["position"]


class _Feed(Sampler):
    """The numbers of a plan from `start` to `stop`, as specs, in order."""

    def __init__(self, plan: Plan):
        self.plan, self.start, self.stop = plan, 0, 0

    def __iter__(self) -> Iterator[BatchSpec]:
        return (self.plan(k) for k in range(self.start, self.stop))

    def __len__(self) -> int:
        return self.stop - self.start


class _WorkerSetUp:
    """Runs at a worker's start: one thread each, and the user's code is known to the registry there too.

    Ctrl-C on a terminal reaches workers as well; they leave it to the main process, which still needs their batches.
    """

    def __init__(self, user_dir: str | None):
        self.user_dir = user_dir

    def __call__(self, worker: int) -> None:
        torch.set_num_threads(1)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if self.user_dir:
            from mmf_like.common.registry import registry

            registry.user_code.use(self.user_dir)


def _as_is(batch: Any) -> Any:
    return batch
