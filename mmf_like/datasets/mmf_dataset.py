"""MMFDataset: a split made of an annotation file and, where asked for, pictures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmf_like.common.errors import ConfigError
from mmf_like.datasets.base_dataset import BaseDataset
from mmf_like.datasets.databases.annotation_database import AnnotationDatabase
from mmf_like.datasets.databases.image_database import ImageDatabase


class MMFDataset(BaseDataset):
    """Derive and implement `__getitem__` on `self.annotation_db[i]` and, with `use_images`, `self.image_db[i]`.

    The config holds `annotations: {train: [file, ...], val: ..., test: ...}` and `images` likewise, relative to
    `data_dir`; `index` says which entry of the list this dataset is.
    """

    def __init__(
        self,
        dataset_name: str,
        config: Mapping[str, Any],
        dataset_type: str = "train",
        index: int = 0,
        annotation_database: type[AnnotationDatabase] = AnnotationDatabase,
        *args: Any,
        **kwargs: Any,
    ):
        super().__init__(dataset_name, config, dataset_type)
        self._index = index
        self._annotation_database = annotation_database
        self.annotation_db = self.build_annotation_db()
        self.image_db = self.build_image_db() if config.get("use_images") else None
        if config.get("use_features"):
            raise ConfigError(
                f"dataset_config.{dataset_name}.use_features is true, but files of region features are not read yet. "
                "Set it to false and use_images to true."
            )

    def build_annotation_db(self) -> AnnotationDatabase:
        return self._annotation_database(self.config, self._path("annotations"))

    def build_image_db(self) -> ImageDatabase:
        return ImageDatabase(self.config, self._path("images"), annotation_db=self.annotation_db)

    def init_processors(self) -> None:
        super().init_processors()
        image_processor = self.processors.get("image_processor")
        if self.image_db is not None and image_processor is not None:
            self.image_db.transform = _ImageTransform(image_processor)

    def load_item(self, idx: int) -> dict[str, Any]:
        return self.annotation_db[idx]

    def describe(self, idx: int) -> str:
        return f"{self.dataset_name}/{self.dataset_type} sample {idx} ({self.annotation_db.place(idx)})"

    def __len__(self) -> int:
        return len(self.annotation_db)

    def _path(self, group: str) -> Path:
        place = f"dataset_config.{self.dataset_name}.{group}"
        paths = self.config.get(group)
        if not paths:
            raise ConfigError(f"{place} is missing: it names the {group} of each split.")
        entries = paths.get(self.dataset_type)
        if not entries:
            raise ConfigError(f"{place} has no {self.dataset_type!r}; it has: {', '.join(paths)}.")
        entry = entries if isinstance(entries, str) else entries[min(self._index, len(entries) - 1)]
        return Path(self.config.get("data_dir") or "") / entry


class _ImageTransform:
    """A processor of rows as a function of pictures; a class, because loader workers may need to unpickle it."""

    def __init__(self, processor: Any):
        self.processor = processor

    def __call__(self, image: Any) -> Any:
        return self.processor({"image": image})["image"]
