"""TestReporter: rows of predictions, one per sample, into a JSON or CSV file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
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
ID_FIELDS = ("id", "question_id", "image_id")


@registry.register_test_reporter("default")
@registry.register_test_reporter("file")
class TestReporter:
    """Collects one split's rows, batch by batch, in the order of the data, whatever the number of ranks.

    The dataset's `format_for_prediction` makes the rows, the model's may change them. A dataset that makes none
    gets a plain row: its `id`, `question_id` or `image_id` where it has one, else `index` (its place in the split),
    the best answer and its softmax. The answer is a text where the `answer_processor` or the model knows it.
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
        rows = dataset.format_for_prediction(report) or plain_rows(
            report, self.config.get("candidate_fields"), _answers_of(dataset, model)
        )
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
            for place, (_, _, row) in enumerate(everyone):
                if row.get("index", place) is None:  # a plain row's: only here all ranks' samples are known
                    row["index"] = place
            merged[name] = dataset.on_prediction_end([row for _, _, row in everyone])
        return merged

    def write(self, rows: list[dict[str, Any]], path: Path) -> Path:
        """`path` with suffix `.json` (a list of rows) or `.csv` (columns from all rows; lists and dicts as JSON)."""
        text = json.dumps(rows, indent=1, ensure_ascii=False) if path.suffix == ".json" else _as_csv(rows)
        write_text_atomically(path, text)
        return path


def plain_rows(
    report: Report, fields: Sequence[str] | None = None, text_of: Callable[[int], str] | None = None
) -> list[dict[str, Any]]:
    """For every sample: the known identifying fields, `answer` (the class of the highest score) and `score`.

    `text_of` makes the answer of the class. Without an identifying field there is `index`, `None` until
    `TestReporter.finish` fills it.
    """
    named = [name for name in fields or FIELDS if name in report and name != "scores"]
    nameless = not set(named).intersection(ID_FIELDS)
    scores, best = report["scores"].float().softmax(-1).max(-1)
    rows = []
    for position, (score, answer) in enumerate(zip(scores.tolist(), best.tolist())):
        row: dict[str, Any] = {"index": None} if nameless else {}
        row |= {name: _plain(report[name][position]) for name in named}
        rows.append({**row, "answer": _said(answer, text_of), "score": round(score, 6)})
    return rows


def _said(answer: int, text_of: Callable[[int], str] | None) -> int | str:
    """The text of an answer; the number of one beyond the dataset's own, where another dataset has more."""
    try:
        return text_of(answer) if text_of else answer
    except (IndexError, KeyError):
        return answer


def _answers_of(dataset: BaseDataset, model: BaseModel) -> Callable[[int], str] | None:
    """The text of a class, as the dataset's `answer_processor` or the model's `data_info` knows it."""
    text_of = getattr(getattr(dataset, "answer_processor", None), "idx2word", None)
    if text_of is not None:
        return text_of
    answers = model.data_info.answers
    return answers.__getitem__ if answers else None


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
