"""BaseDataset: one split of one dataset, sample by sample."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import Dataset

from mmf_like.common.sample import Sample, SampleList, to_device
from mmf_like.datasets.processors.base import build_processors

if TYPE_CHECKING:
    from mmf_like.common.report import Report


class BaseDataset(Dataset):
    """Derive, implement `__getitem__` (returning a `Sample`) and `__len__`.

    `config` is the section `dataset_config.<dataset_name>`; `dataset_type` is `train`, `val` or `test`. After
    `init_processors` each entry of `config.processors` is an attribute of that name, for example
    `self.text_processor`. Processors are shared by the splits of one dataset.
    """

    draws_random = True  # a sample may depend on random numbers; a split whose samples never do says False

    def __init__(self, dataset_name: str, config: Mapping[str, Any], dataset_type: str = "train", *args: Any):
        super().__init__()
        self.config = config if config is not None else {}
        self.dataset_name = dataset_name
        self.dataset_type = dataset_type
        self.processors: dict[str, Any] = {}
        self.shared_processors: dict[str, Any] = {}  # filled by the builder: one instance for all splits

    @property
    def name(self) -> str:
        return self.dataset_name

    def init_processors(self) -> None:
        """Build the processors of the config and set each as an attribute."""
        configs = self.config.get("processors") or {}
        self.processors = build_processors(
            configs,
            data_dir=self.config.get("data_dir"),
            share=self.shared_processors,
            place=f"dataset_config.{self.dataset_name}.processors",
        )
        for key, processor in self.processors.items():
            setattr(self, key, processor)

    def load_item(self, idx: int) -> Any:
        """One row before processing; `__getitem__` may be built on it."""
        return idx

    def __getitem__(self, idx: int) -> Sample:
        raise NotImplementedError(f"{type(self).__name__} must implement __getitem__ and return a Sample.")

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} must implement __len__.")

    def preload(self, track: Callable[[Iterable[Any], str], Iterable[Any]]) -> None:
        """Read into memory what `fast_read` asks for, before workers start; `track(items, what)` shows a bar."""

    def describe(self, idx: int) -> str:
        """How an error message names sample `idx`, for example by its file and row."""
        return f"{self.dataset_name}/{self.dataset_type} sample {idx}"

    def prepare_batch(self, batch: Mapping[str, Any], device: str | torch.device = "cpu") -> SampleList:
        return to_device(batch, device)

    def format_for_prediction(self, report: Report) -> list[dict[str, Any]]:
        """One row per sample of a batch for the prediction file. Without an override: the highest score's class."""
        return []

    def on_prediction_end(self, predictions: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """A last word on all rows before they are written."""
        return predictions

    def visualize(self, num_samples: int = 1, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(f"{self.dataset_name} does not say how to show its samples.")
