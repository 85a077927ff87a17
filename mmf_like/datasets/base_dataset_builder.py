"""BaseDatasetBuilder: makes the three splits of a dataset from its config section."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl

from mmf_like.common.data_info import DataInfo
from mmf_like.common.errors import DataError
from mmf_like.datasets.base_dataset import BaseDataset

SPLITS = ("train", "val", "test")


class BaseDatasetBuilder(pl.LightningDataModule):
    """Derive, register, and implement `build` (prepare files) and `load` (make a split)::

        @registry.register_builder("my_data")
        class MyBuilder(BaseDatasetBuilder):
            def __init__(self): super().__init__("my_data")
            @classmethod
            def config_path(cls): return "configs/datasets/my_data.yaml"
            def build(self, config, dataset_type): ...
            def load(self, config, dataset_type): return MyDataset("my_data", config, dataset_type)

    `load` may return `None` for a split that does not exist.
    """

    def __init__(self, dataset_name: str | None = None, *args: Any, **kwargs: Any):
        super().__init__()
        if not dataset_name:
            raise DataError(f"{type(self).__name__} must give its name: super().__init__('my_data').")
        self.dataset_name = dataset_name
        self.config: Mapping[str, Any] = {}
        self.splits: dict[str, BaseDataset | None] = {}
        self.shared_processors: dict[str, Any] = {}

    @classmethod
    def config_path(cls) -> str | None:
        """The YAML with `dataset_config.<name>`, relative to the project root or `env.user_dir`."""
        return None

    # -- for authors -------------------------------------------------------------------------------------------

    def build(self, config: Mapping[str, Any], dataset_type: str = "train", *args: Any, **kwargs: Any) -> None:
        """Download or prepare what `load` reads, or return at once when that is done.

        Runs once for every split, in one process at a time.
        """

    def load(
        self, config: Mapping[str, Any], dataset_type: str = "train", *args: Any, **kwargs: Any
    ) -> BaseDataset | None:
        raise NotImplementedError(f"{type(self).__name__} must implement load(config, dataset_type).")

    def data_info(self) -> DataInfo:
        """What the model is told; by default read off `text_processor` and `answer_processor`."""
        processors = self.shared_processors
        text, answer = processors.get("text_processor"), processors.get("answer_processor")
        answers = tuple(getattr(answer, "answers", ()) or ())
        return DataInfo(
            dataset=self.dataset_name,
            text_vocab_size=_size(text),
            num_answers=_size(answer) or self.config.get("num_labels"),
            answers=answers,
        )

    # -- life cycle --------------------------------------------------------------------------------------------

    def prepare_data(self, config: Mapping[str, Any] | None = None, *args: Any, **kwargs: Any) -> None:
        if config is not None:
            self.config = config
            self.build_dataset(config)

    def build_dataset(self, config: Mapping[str, Any], *args: Any, **kwargs: Any) -> None:
        for split in SPLITS:
            self.build(config, split)

    def setup(self, stage: str | None = None, config: Mapping[str, Any] | None = None) -> None:
        if config is None:
            return
        self.config = config
        for split in SPLITS:
            self.splits[split] = self.load_dataset(config, split)

    def load_dataset(self, config: Mapping[str, Any], dataset_type: str = "train") -> BaseDataset | None:
        """One split with its processors, or `None`."""
        dataset = self.load(config, dataset_type)
        if dataset is not None:
            dataset.dataset_name, dataset.dataset_type = self.dataset_name, dataset_type
            dataset.shared_processors = self.shared_processors
            dataset.init_processors()
        return dataset

    @property
    def train_dataset(self) -> BaseDataset | None:
        return self.splits.get("train")

    @property
    def val_dataset(self) -> BaseDataset | None:
        return self.splits.get("val")

    @property
    def test_dataset(self) -> BaseDataset | None:
        return self.splits.get("test")


def _size(processor: Any) -> int | None:
    """The vocabulary size of a processor that has one."""
    getter = getattr(processor, "get_vocab_size", None)
    return int(getter()) if callable(getter) else None
