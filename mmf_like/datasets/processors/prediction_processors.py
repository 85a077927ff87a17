"""A model's output to rows of a prediction file: `prediction.argmax`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmf_like.common.registry import registry
from mmf_like.datasets.processors.base import BatchProcessor


@registry.register_processor("prediction.argmax")
class ArgMaxPredictionProcessor(BatchProcessor):
    """Of a report's `id` and `scores` (batch, classes), rows `{id_key: id, result_key: best class}`."""

    PARAMS = ("id_key", "result_key", "processors")

    def __call__(self, item: Mapping[str, Any], *args: Any, **kwargs: Any) -> list[dict[str, Any]]:
        id_key = self.config.get("id_key") or "id"
        result_key = self.config.get("result_key") or "answer"
        ids = item["id"].tolist() if hasattr(item["id"], "tolist") else list(item["id"])
        best = item["scores"].argmax(dim=-1).tolist()
        return [{id_key: key, result_key: index} for key, index in zip(ids, best)]
