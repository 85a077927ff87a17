"""DataInfo: what a dataset tells a model before the model is built."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from mmf_like.common.errors import did_you_mean


@dataclass(frozen=True)
class DataInfo:
    """Sizes and vocabularies that a model needs and only the data knows.

    `text_vocab_size` counts the rows of a word embedding, special tokens included. `num_answers` is the number of
    classes or answers to score. `answers` are their texts in order, where there are texts. `extra` holds whatever
    else a builder wants to tell, by name.
    """

    dataset: str = ""
    text_vocab_size: int | None = None
    num_answers: int | None = None
    answers: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and name in self.extra:
            return self.extra[name]
        known = [item.name for item in fields(self)]
        raise AttributeError(f"DataInfo has no {name!r}.{did_you_mean(name, known)} It tells: {', '.join(known)}.")

    @classmethod
    def merged(cls, parts: Iterable[DataInfo]) -> DataInfo:
        """One view of several datasets: each value from the first dataset that tells it."""
        parts = list(parts)

        def first(name: str) -> Any:
            told = (getattr(part, name) for part in parts)
            return next((value for value in told if value), None)

        extra: dict[str, Any] = {}
        for part in reversed(parts):
            extra.update(part.extra)
        return cls(
            dataset=",".join(part.dataset for part in parts),
            text_vocab_size=first("text_vocab_size"),
            num_answers=first("num_answers"),
            answers=first("answers") or (),
            extra=extra,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain containers, for a checkpoint."""
        return {
            "dataset": self.dataset,
            "text_vocab_size": self.text_vocab_size,
            "num_answers": self.num_answers,
            "answers": list(self.answers),
            "extra": dict(self.extra),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> DataInfo:
        return cls(**{**stored, "answers": tuple(stored.get("answers", ()))})
