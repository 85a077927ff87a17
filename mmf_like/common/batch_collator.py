"""BatchCollator, the `collate_fn` of every loader: samples in, a SampleList that knows its dataset out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmf_like.common.collate import Padding
from mmf_like.common.sample import SampleList, convert_batch_to_sample_list


class BatchCollator:
    """Collates, and adds `dataset_name` and `dataset_type` (`train`, `val`, `test`), which name losses.

    `padding` says, by field (nested ones by dotted name), how tensors of unequal size are made equal:
    `{"input_ids": Padding(value=1, to=8)}` or, from a config, `{"input_ids": {"value": 1, "to": 8}}`.
    """

    def __init__(
        self,
        dataset_name: str,
        dataset_type: str,
        padding: Mapping[str, Padding | Mapping[str, Any]] | None = None,
    ):
        self.dataset_name = dataset_name
        self.dataset_type = dataset_type
        self.padding = {field: Padding.of(given) for field, given in (padding or {}).items()}

    def __call__(self, batch: Any) -> SampleList:
        sample_list = convert_batch_to_sample_list(batch, self.padding)
        sample_list["dataset_name"] = self.dataset_name
        sample_list["dataset_type"] = self.dataset_type
        return sample_list
