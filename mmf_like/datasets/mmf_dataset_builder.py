"""MMFDatasetBuilder: a builder by configuration, one dataset per annotation file, splits carved where asked."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.utils.data import ConcatDataset, Subset

from mmf_like.common.errors import ConfigError, DataError
from mmf_like.datasets.base_dataset import BaseDataset
from mmf_like.datasets.base_dataset_builder import BaseDatasetBuilder

DEFAULT_SPLIT_SEED = 123456  # MMF's, which it used whatever the config said


class MMFDatasetBuilder(BaseDatasetBuilder):
    """Give the dataset class; `load` makes one per entry of `annotations.<split>` and joins them.

    `split_train: {val: 0.1, test: 0.1, seed: 7}` carves splits out of train by a fixed permutation.
    """

    def __init__(
        self,
        dataset_name: str | None = None,
        dataset_class: type[BaseDataset] | None = None,
        zoo_variation: str = "defaults",
        *args: Any,
        **kwargs: Any,
    ):
        super().__init__(dataset_name)
        self.dataset_class = dataset_class
        self.zoo_variation = zoo_variation

    def set_dataset_class(self, dataset_class: type[BaseDataset]) -> None:
        self.dataset_class = dataset_class

    def load(self, config: Mapping[str, Any], dataset_type: str = "train", *args: Any, **kwargs: Any) -> Any:
        shares = dict(config.get("split_train") or {})
        carved = {name: float(shares[name]) for name in ("val", "test") if name in shares}
        if dataset_type == "train" or dataset_type in carved:
            dataset = self._load_files(config, "train" if dataset_type in carved else dataset_type)
            if dataset is None or not carved:
                return dataset
            return self._carve(dataset, dataset_type, carved, int(shares.get("seed", DEFAULT_SPLIT_SEED)))
        return self._load_files(config, dataset_type)

    def _load_files(self, config: Mapping[str, Any], dataset_type: str) -> Any:
        if self.dataset_class is None:
            raise DataError(f"The builder of {self.dataset_name!r} has no dataset class: call set_dataset_class.")
        entries = (config.get("annotations") or {}).get(dataset_type)
        if not entries:
            return None
        count = 1 if isinstance(entries, str) else len(entries)
        made = self.dataset_class
        datasets: list[Any] = [made(self.dataset_name, config, dataset_type, index=i) for i in range(count)]  # type: ignore[call-arg]
        return datasets[0] if count == 1 else MMFConcatDataset(datasets)

    def _carve(self, dataset: Any, dataset_type: str, shares: Mapping[str, float], seed: int) -> MMFSubset:
        if sum(shares.values()) > 1 or min(shares.values()) < 0:
            raise ConfigError(
                f"dataset_config.{self.dataset_name}.split_train: the shares {dict(shares)} must be at least 0 and sum "
                "to at most 1."
            )
        order = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(seed)).tolist()
        start = 0
        for name, share in shares.items():
            stop = start + round(share * len(dataset))
            if name == dataset_type:
                return MMFSubset(dataset, order[start:stop])
            start = stop
        return MMFSubset(dataset, order[start:])


class _Delegating:
    """Passes on what it does not know to `members`, and settings of the split to all of them."""

    _SHARED = ("dataset_name", "dataset_type", "shared_processors")

    def _members(self) -> Sequence[Any]:
        raise NotImplementedError

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in ("datasets", "dataset"):
            raise AttributeError(name)
        found = getattr(self._members()[0], name)
        if not isinstance(found, types.MethodType):
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            for member in self._members():
                result = getattr(member, name)(*args, **kwargs)
                if result is not None:
                    return result
            return None

        return call

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self._SHARED:
            for member in self._members():
                setattr(member, name, value)
        else:
            super().__setattr__(name, value)


class MMFConcatDataset(_Delegating, ConcatDataset):
    """Several datasets of one split, one after another.

    A batch may hold samples of several members, but `format_for_prediction` is called once for it, on the first
    member. `__getitem__` of a member counts from the member's own first row, so an index kept in a sample does not say
    which member it means. Let the sample carry what a row of predictions needs (an id, the annotation's fields), or
    the pair `(self._index, idx)`, where `_index` is the member's place in the list of annotation files.
    """

    def _members(self) -> Sequence[Any]:
        return self.datasets

    def describe(self, idx: int) -> str:
        for dataset in self.datasets:
            if idx < len(dataset):  # type: ignore[arg-type]
                return dataset.describe(idx)  # type: ignore[attr-defined]
            idx -= len(dataset)  # type: ignore[arg-type]
        raise IndexError(idx)


class MMFSubset(_Delegating, Subset):
    """Chosen samples of a dataset."""

    def _members(self) -> Sequence[Any]:
        return [self.dataset]

    def describe(self, idx: int) -> str:
        return self.dataset.describe(self.indices[idx])  # type: ignore[attr-defined]
