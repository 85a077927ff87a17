"""Builds easy-VQA from the files inside the `easy_vqa` package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from mmf_like.common.errors import ConfigError, MissingDependency
from mmf_like.common.registry import registry
from mmf_like.datasets.base_dataset_builder import BaseDatasetBuilder
from mmf_like.datasets.builders.easy_vqa.dataset import EasyVQADataset, Question
from mmf_like.datasets.processors.base import plain
from mmf_like.text.tokenize import tokenize


@registry.register_builder("easy_vqa")
class EasyVQABuilder(BaseDatasetBuilder):
    """easy-VQA: 5,000 small rendered pictures, 48,248 questions, 13 answers (pip install easy-vqa)."""

    @dataclass
    class Config:
        """Settings of `dataset_config.easy_vqa`; their values are in `configs/datasets/easy_vqa/defaults.yaml`."""

        split_train: dict[str, Any] | None = None  # {val: share, seed}: how validation is cut from train
        max_pictures: dict[str, Any] | None = None  # {split: number}: use the first pictures only
        fast_read: bool = False
        processors: dict[str, Any] | None = None
        data_dir: str | None = None

    def __init__(self) -> None:
        super().__init__("easy_vqa")
        self._rows: dict[str, list[Question]] = {}

    @classmethod
    def config_path(cls) -> str:
        return "configs/datasets/easy_vqa/defaults.yaml"

    def load(self, config: Mapping[str, Any], dataset_type: str = "train", *args: Any, **kwargs: Any) -> EasyVQADataset:
        if not self._rows:
            self._rows = _split(_package(), config)
        limit = (config.get("max_pictures") or {}).get(dataset_type)
        rows = self._rows[dataset_type]
        if limit is not None:
            kept = set(sorted({row.image_id for row in rows})[: int(limit)])
            rows = [row for row in rows if row.image_id in kept]
        return EasyVQADataset(self.dataset_name, self._with_vocabularies(config), dataset_type, rows=rows)

    def _with_vocabularies(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The config with the vocabularies it does not name: words of the training questions, all answers."""
        filled = plain(config)
        text = (filled.get("processors") or {}).get("text_processor", {})
        if text.get("type") == "vocab":
            vocab = text.setdefault("params", {}).setdefault("vocab", {"type": "random"})
            if not (vocab.get("words") or vocab.get("vocab_file")):
                vocab["words"] = sorted({word for row in self._rows["train"] for word in tokenize(row.question)})
        answer = (filled.get("processors") or {}).get("answer_processor", {})
        if answer.get("type") == "vqa_answer":
            params = answer.setdefault("params", {})
            if not (params.get("words") or params.get("vocab_file")):
                params["words"] = sorted(_package().get_answers())
        return filled


def _split(package: ModuleType, config: Mapping[str, Any]) -> dict[str, list[Question]]:
    """The package's test split, and its train split cut by picture: no picture is in two splits."""
    train = _read(package.get_train_questions(), package.get_train_image_paths())
    test = _read(package.get_test_questions(), package.get_test_image_paths())
    carved = config.get("split_train") or {}
    share, seed = float(carved.get("val", 0.1)), int(carved.get("seed", 1))
    if not 0 <= share < 1:
        raise ConfigError(f"dataset_config.easy_vqa.split_train.val is {share}; it must be at least 0 and less than 1.")
    pictures = sorted({row.image_id for row in train})
    order = torch.randperm(len(pictures), generator=torch.Generator().manual_seed(seed)).tolist()
    held_out = {pictures[i] for i in order[: round(share * len(pictures))]}
    return {
        "train": [row for row in train if row.image_id not in held_out],
        "val": [row for row in train if row.image_id in held_out],
        "test": test,
    }


def _read(questions: tuple[list[str], list[str], list[int]], paths: Mapping[int, str]) -> list[Question]:
    return [Question(q, a, i, Path(paths[i])) for q, a, i in zip(*questions, strict=True)]


def _package() -> ModuleType:
    try:
        import easy_vqa
    except ImportError as error:
        raise MissingDependency(
            "The dataset easy_vqa needs the easy-vqa package: pip install 'mmf_like[demo]' (or pip install easy-vqa)."
        ) from error
    return easy_vqa
