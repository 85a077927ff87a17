"""MultiDataModule: all datasets of a run, and the loaders over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmf_like.common.batch_collator import BatchCollator
from mmf_like.common.data_info import DataInfo
from mmf_like.common.errors import ConfigError, DataError
from mmf_like.common.registry import registry
from mmf_like.datasets.base_dataset import BaseDataset
from mmf_like.datasets.base_dataset_builder import BaseDatasetBuilder
from mmf_like.datasets.iteration_strategies import IterationStrategy
from mmf_like.datasets.loader import BatchSource, ResumableLoader
from mmf_like.datasets.plan import BatchSpec, EvalPlan, TrainPlan, batches_per_pass


class MultiDataModule:
    """`builders` are loaded; `training` and `multitasking` are the config sections of these names.

    Batch sizes are global: the ranks share each batch.
    """

    def __init__(
        self,
        builders: Sequence[BaseDatasetBuilder],
        training: Mapping[str, Any],
        multitasking: Mapping[str, Any] | None = None,
        *,
        seed: int = 0,
        user_dir: str | None = None,
    ):
        self.builders = list(builders)
        self.training, self.multitasking = training, multitasking or {}
        self.seed, self.user_dir = seed, user_dir

    def data_info(self) -> DataInfo:
        return DataInfo.merged(builder.data_info() for builder in self.builders)

    def datasets(self, split: str) -> list[BaseDataset]:
        """The datasets that have this split, in the order of `datasets=`."""
        found = [builder.splits.get(split) for builder in self.builders]
        return [dataset for dataset in found if dataset is not None]

    def size(self, split: str) -> int:
        return sum(len(dataset) for dataset in self.datasets(split))

    def batch_size(self, world_size: int) -> int:
        """Samples per batch over all ranks."""
        per_device = self.training.get("batch_size_per_device")
        return int(per_device) * world_size if per_device else int(self.training["batch_size"])

    def train_plan(self, rank: int = 0, world_size: int = 1) -> TrainPlan:
        datasets = self._non_empty("train")
        names = [dataset.dataset_name for dataset in datasets]
        sizes = [len(dataset) for dataset in datasets]
        batch_size = self.batch_size(world_size)
        strategy = self._strategy(names, sizes, batches_per_pass(sizes, batch_size, world_size))
        return TrainPlan(names, sizes, batch_size, seed=self.seed, strategy=strategy, rank=rank, world_size=world_size)

    def train_loader(
        self, plan: TrainPlan, *, start: int = 0, stop: int | None = None, world_size: int = 1
    ) -> ResumableLoader:
        """Batches `start` to `stop` of the training plan."""
        return self._loader("train", plan, world_size, start=start, stop=stop)

    def eval_loader(self, split: str, rank: int = 0, world_size: int = 1) -> ResumableLoader:
        """Every sample of a split once, in order."""
        datasets = self._non_empty(split)
        plan = EvalPlan(
            [dataset.dataset_name for dataset in datasets],
            [len(dataset) for dataset in datasets],
            self.batch_size(world_size),
            rank=rank,
            world_size=world_size,
        )
        return self._loader(split, plan, world_size, weighted=False)

    def describe(self, split: str, spec: BatchSpec, most: int = 8) -> str:
        """The samples of a batch by name, for an error message."""
        dataset = self.datasets(split)[spec.dataset]
        named = [dataset.describe(index) for index in spec.indices[:most]]
        rest = len(spec.indices) - len(named)
        return "; ".join(named) + (f"; and {rest} more" if rest > 0 else "")

    def _loader(
        self, split: str, plan: Any, world_size: int, *, weighted: bool = True, **bounds: Any
    ) -> ResumableLoader:
        datasets = self.datasets(split)
        collators = [
            BatchCollator(dataset.dataset_name, split, padding=getattr(dataset, "padding", None))
            for dataset in datasets
        ]
        return ResumableLoader(
            plan,
            BatchSource(datasets, collators, self.seed),
            num_workers=int(self.training.get("num_workers", 0)),
            pin_memory=bool(self.training.get("pin_memory", False)),
            persistent_workers=bool(self.training.get("persistent_workers", True)),
            world_size=world_size if weighted else 1,
            user_dir=self.user_dir,
            **bounds,
        )

    def check(self, split: str) -> None:
        """Refuse a split that is there but empty, and a train split that is not there, before the run gets to it."""
        if split == "train" and not self.datasets(split):
            names = ", ".join(builder.dataset_name for builder in self.builders)
            raise DataError(f"{names} has no train split: load(config, 'train') of its builder returned None.")
        for dataset in self.datasets(split):
            if len(dataset) == 0:
                raise DataError(
                    f"The {split} split of {dataset.dataset_name!r} is empty. "
                    f"Check dataset_config.{dataset.dataset_name}, or choose a run_type without {split!r}."
                )

    def _non_empty(self, split: str) -> list[BaseDataset]:
        datasets = self.datasets(split)
        names = ", ".join(builder.dataset_name for builder in self.builders)
        if not datasets:
            raise DataError(f"No dataset of this run ({names}) has a {split} split. Choose another run_type.")
        self.check(split)
        return datasets

    def _strategy(self, names: list[str], sizes: list[int], batches: list[int]) -> IterationStrategy:
        kind = "constant"
        if len(names) > 1:
            if not self.multitasking.get("enabled", True):
                raise ConfigError("Several datasets train together only with multitasking.enabled=true.")
            kind = self.multitasking.get("type") or "size_proportional"
        strategy = registry.find("iteration_strategy", kind)
        return strategy(self.multitasking.get("params") or {}, dict(zip(names, sizes)), batches)
