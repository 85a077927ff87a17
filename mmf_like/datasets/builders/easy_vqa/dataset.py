"""One split of easy-VQA, question by question."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from mmf_like.common.sample import Sample
from mmf_like.datasets.base_dataset import BaseDataset
from mmf_like.io.images import decode_image

if TYPE_CHECKING:
    from mmf_like.common.report import Report


class Question(NamedTuple):
    question: str
    answer: str
    image_id: int
    path: Path


class EasyVQADataset(BaseDataset):
    """Sample fields: `text` (word ids), `image` (3 x 64 x 64), `question_id`, `image_id`, `targets` (answer scores).

    With `fast_read` every picture is decoded before the start and kept as bytes (12 kB each, 60 MB in all).
    """

    text_processor: Any  # from the config, set by `init_processors`
    answer_processor: Any

    def __init__(self, name: str, config: Mapping[str, Any], dataset_type: str, *, rows: list[Question]):
        super().__init__(name, config, dataset_type)
        self.rows = rows
        self._pictures: dict[int, Tensor] = {}
        self._texts: dict[str, Tensor] = {}

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def draws_random(self) -> bool:  # type: ignore[override]
        return any(processor.draws_random for processor in self.processors.values())

    def preload(self, track: Callable[[Iterable[Any], str], Iterable[Any]]) -> None:
        if self.config.get("fast_read"):
            pictures = {row.image_id: row.path for row in self.rows}
            what = f"decoding {self.dataset_name}/{self.dataset_type}"
            self._pictures = {number: decode_image(path) for number, path in track(pictures.items(), what)}

    def load_item(self, idx: int) -> Question:
        return self.rows[idx]

    def describe(self, idx: int) -> str:
        row = self.rows[idx]
        return f"{self.dataset_name}/{self.dataset_type} question {idx} ({row.question!r}, {row.path})"

    def __getitem__(self, idx: int) -> Sample:
        row = self.rows[idx]
        sample = Sample()
        sample["text"] = self._text(row.question)
        sample["image"] = self._image(row)
        sample["question_id"] = torch.tensor(idx)
        sample["image_id"] = torch.tensor(row.image_id)
        sample["targets"] = self._targets(row.answer)
        return sample

    def _text(self, question: str) -> Tensor:
        if question not in self._texts:  # 107 different ones
            self._texts[question] = self.text_processor({"text": question})["text"]
        return self._texts[question]

    def _targets(self, answer: str) -> Tensor:
        key = f"answer: {answer}"
        if key not in self._texts:  # 13 different ones; the ten annotators of VQA agree here
            self._texts[key] = self.answer_processor({"answers": [answer] * 10})["answers_scores"]
        return self._texts[key]

    def _image(self, row: Question) -> Tensor:
        picture = self._pictures.get(row.image_id)
        if picture is None:
            picture = decode_image(row.path)
        image_processor = self.processors.get("image_processor")
        return image_processor({"image": picture})["image"] if image_processor else picture

    def format_for_prediction(self, report: Report) -> list[dict[str, Any]]:
        """Rows `{question_id, image, question, answer, score, true_answer}`; `score` is the softmax of the scores."""
        scores, best = report["scores"].float().softmax(-1).max(-1)
        rows = []
        for index, score, answer in zip(report["question_id"].tolist(), scores.tolist(), best.tolist(), strict=True):
            row = self.rows[index]
            rows.append(
                {
                    "question_id": index,
                    "image": f"{self.dataset_type}/{row.path.name}",
                    "question": row.question,
                    "answer": self.answer_processor.idx2word(answer),
                    "score": round(score, 4),
                    "true_answer": row.answer,
                }
            )
        return rows
