"""ImageDatabase: the pictures that annotation rows name, decoded to byte tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from mmf_like.common.errors import DataError
from mmf_like.datasets.databases.annotation_database import AnnotationDatabase
from mmf_like.io.images import decode_image

FIELDS = ("Flickr30kID", "Flikr30kID", "identifier", "image_path", "image_name", "img", "image_id")
EXTENSIONS = ("", ".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".ppm", ".tif", ".tiff")


class ImageDatabase:
    """Pictures below the folder `path`. A row names its picture in `image_key`, or in the first of `FIELDS` it has.

    NLVR2 rows (`identifier` with `left_url` and `right_url`) have two: `<id>-img0` and `<id>-img1`. A name without
    suffix is tried with the usual ones. `transform`, where set, is applied to the decoded picture.
    """

    def __init__(
        self,
        config: Mapping[str, Any] | None,
        path: str | Path,
        annotation_db: AnnotationDatabase | None = None,
        transform: Callable[[Any], Any] | None = None,
        *args: Any,
        **kwargs: Any,
    ):
        self.config = config or {}
        self.base_path = Path(path)
        self.annotation_db = annotation_db
        self.transform = transform
        self.image_key = self.config.get("image_key")

    def __len__(self) -> int:
        return len(self._annotations())

    def __getitem__(self, index: int) -> dict[str, list[Any]]:
        return self.get(self._annotations()[index])

    def get(self, item: Mapping[str, Any]) -> dict[str, list[Any]]:
        """`{"images": [...]}` of one row."""
        return self.from_path(self._names(item))

    def from_path(self, paths: str | Path | Sequence[Any], use_transforms: bool = True) -> dict[str, list[Any]]:
        if isinstance(paths, (str, Path)):
            paths = [paths]
        images: list[Any] = [self.open_image(path) for path in paths]
        if use_transforms and self.transform is not None:
            images = [self.transform(image) for image in images]
        return {"images": images}

    def open_image(self, name: Any) -> Tensor:
        """3 x H x W bytes."""
        for extension in EXTENSIONS:
            path = self.base_path / f"{name}{extension}"
            if path.is_file():
                return decode_image(path)
        raise DataError(f"There is no picture {name!r} in {self.base_path} (also tried: {', '.join(EXTENSIONS[1:])}).")

    def _names(self, item: Mapping[str, Any]) -> list[Any]:
        if self.image_key:
            if self.image_key not in item:
                raise DataError(f"image_key is {self.image_key!r}, but a row has: {', '.join(item)}.")
            return [item[self.image_key]]
        field = next((name for name in FIELDS if name in item), None)
        if field is None:
            raise DataError(
                f"A row names no picture: it has {', '.join(item)}. Name the field in image_key "
                f"(known without it: {', '.join(FIELDS)})."
            )
        if field == "identifier" and "left_url" in item and "right_url" in item:
            name = str(item[field]).rsplit("-", 1)[0]
            return [f"{name}-img0", f"{name}-img1"]
        return [item[field]]

    def _annotations(self) -> AnnotationDatabase:
        if self.annotation_db is None:
            raise DataError(
                "This ImageDatabase has no annotation_db, so it cannot be indexed; use get() or from_path()."
            )
        return self.annotation_db
