"""TestReporter: rows of predictions, one per sample, into a JSON or CSV file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from mmf_like.common.registry import registry
from mmf_like.common.report import Report
from mmf_like.common.sample import SampleList
from mmf_like.datasets.base_dataset import BaseDataset
from mmf_like.distributed import gather_objects, rank, world_size
from mmf_like.io.files import write_text_atomically
from mmf_like.models.base_model import BaseModel

FIELDS = ("id", "question_id", "image_id", "context_tokens", "captions", "scores")


@registry.register_test_reporter("default")
@registry.register_test_reporter("file")
class TestReporter:
    """Collects one split's rows, batch by batch, in the order of the data, whatever the number of ranks.

    The dataset's `format_for_prediction` makes the rows, the model's may change them. A dataset that makes none
    gets a plain row: its `id`, `question_id` or `image_id` where it has one, and the best class with its softmax.
    """

    __test__ = False  # the name is MMF's; it is no test

    def __init__(self, datasets: Sequence[BaseDataset], config: Mapping[str, Any] | None = None, split: str = "test"):
        self.datasets = {dataset.dataset_name: dataset for dataset in datasets}
        self.config, self.split = dict(config or {}), split
        self.rows: dict[str, list[tuple[int, int, dict[str, Any]]]] = {name: [] for name in self.datasets}
        self._batches = 0

    def add_batch(self, batch: SampleList, output: Mapping[str, Any], model: BaseModel) -> None:
        report = Report(batch, output)
        dataset = self.datasets[batch["dataset_name"]]
        rows = dataset.format_for_prediction(report) or plain_rows(report, self.config.get("candidate_fields"))
        rows = model.format_for_prediction(rows, report)
        place = rank()
        self.rows[dataset.dataset_name] += [
            (self._batches, place + position * world_size(), row) for position, row in enumerate(rows)
        ]
        self._batches += 1

    def finish(self) -> dict[str, list[dict[str, Any]]]:
        """All ranks' rows by dataset, in order; the same on every rank."""
        merged = {}
        for name, dataset in self.datasets.items():
            everyone = [row for part in gather_objects(self.rows[name]) for row in part]
            everyone.sort(key=lambda row: row[:2])
            merged[name] = dataset.on_prediction_end([row for _, _, row in everyone])
        return merged

    def write(self, rows: list[dict[str, Any]], path: Path) -> Path:
        """`path` with suffix `.json` (a list of rows) or `.csv` (columns from all rows; lists and dicts as JSON)."""
        text = json.dumps(rows, indent=1, ensure_ascii=False) if path.suffix == ".json" else _as_csv(rows)
        write_text_atomically(path, text)
        return path


def plain_rows(report: Report, fields: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """For every sample: the known identifying fields, `answer` (the class of the highest score) and `score`."""
    named = [name for name in fields or FIELDS if name in report and name != "scores"]
    scores, best = report["scores"].float().softmax(-1).max(-1)
    rows = []
    for position, (score, answer) in enumerate(zip(scores.tolist(), best.tolist())):
        row = {name: _plain(report[name][position]) for name in named}
        rows.append({**row, "answer": answer, "score": round(score, 6)})
    return rows


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, torch.Tensor) else value


def _as_csv(rows: list[dict[str, Any]]) -> str:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _cell(value) for key, value in row.items()} for row in rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list, tuple)) else value
