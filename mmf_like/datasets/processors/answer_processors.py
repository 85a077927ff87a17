"""Answers to targets: indices, soft scores, classes, and the normal form of an answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from mmf_like.common.errors import ConfigError, DataError, did_you_mean
from mmf_like.common.registry import registry
from mmf_like.datasets.processors.base import BaseProcessor, build_preprocessor, field_of
from mmf_like.text.answers import normalize_answer, soft_scores
from mmf_like.text.vocab import END, PAD, START, UNKNOWN, Vocab, read_words


@registry.register_processor("vqa_answer")
class VQAAnswerProcessor(BaseProcessor):
    """Annotators' answers to indices and soft scores over the A answers of `vocab_file` (one a line).

    Reads `answers` through the `preprocessor`, or `answer_tokens`; fewer than `num_answers` (10) repeat.
    Returns `answers`, `answers_indices` (num_answers,) int64, `answers_scores` (A,) float32: the mean over
    the annotators of min(1, equal answers of the others / 3), 0 for `<unk>`.
    """

    PARAMS = ("vocab_file", "words", "num_answers", "preprocessor")

    def __init__(self, config: Mapping[str, Any], *args: Any, vocab: Vocab | None = None, **kwargs: Any):
        super().__init__(config)
        self.vocab = vocab if vocab is not None else answer_vocab(config, "vqa_answer")
        self.num_answers = int(config.get("num_answers") or 10)
        self.preprocessor = build_preprocessor(config)
        self.draws_random = self.preprocessor is not None and self.preprocessor.draws_random
        # MMF's names. A special word that the file lacks has the index of <unk>; </s> then lies past the end.
        self.answer_vocab = self.vocab
        self.PAD_IDX = self.vocab.index(PAD)
        self.BOS_IDX = self.vocab.index(START)
        self.EOS_IDX = self.vocab.index(END) if END in self.vocab else len(self.vocab)
        self.UNK_IDX = self.vocab.index(UNKNOWN)

    def __call__(self, item: Mapping[str, Any], *args: Any, **kwargs: Any) -> dict[str, Any]:
        answers = self._repeated(self._words(item))
        indices = torch.zeros(self.num_answers, dtype=torch.long)
        indices[: len(answers)] = torch.tensor(self.vocab.indices(answers), dtype=torch.long)
        return {"answers": answers, "answers_indices": indices, "answers_scores": self.scores(answers)}

    def scores(self, answers: list[str]) -> Tensor:
        """(A,) soft scores of the answers that are in the vocabulary."""
        scores = torch.zeros(len(self.vocab))
        for answer, score in soft_scores(answers).items():
            if self.vocab.index(answer) != self.UNK_IDX:
                scores[self.vocab.index(answer)] = score
        return scores

    def _words(self, item: Mapping[str, Any]) -> list[str]:
        field_of(item, "answers", "answer_tokens", processor="vqa_answer")
        if item.get("answer_tokens") is not None:
            return list(item["answer_tokens"])
        if self.preprocessor is None:
            raise DataError(
                "An answer processor was given answers, not answer_tokens, and has no preprocessor for them. "
                "Set preprocessor: {type: simple_word}."
            )
        return [self.preprocessor({"text": answer})["text"] for answer in item["answers"]]

    def _repeated(self, answers: list[str]) -> list[str]:
        if len(answers) > self.num_answers:
            raise DataError(
                f"There are {len(answers)} answers, but num_answers is {self.num_answers}. "
                "Raise it in the processor's params."
            )
        return (answers * self.num_answers)[: self.num_answers]

    def get_vocab_size(self) -> int:
        """Number of scores."""
        return len(self.vocab)

    def get_true_vocab_size(self) -> int:
        """Number of words in the vocabulary, without slots that subclasses add."""
        return len(self.vocab)

    def word2idx(self, word: str) -> int:
        return self.vocab.index(word)

    def idx2word(self, index: int) -> str:
        return self.vocab.word(index)


@registry.register_processor("multi_hot_answer_from_vocab")
class MultiHotAnswerFromVocabProcessor(VQAAnswerProcessor):
    """As `vqa_answer`, with score 1 for every answer that was given."""

    PARAMS = VQAAnswerProcessor.PARAMS

    def scores(self, answers: list[str]) -> Tensor:
        return super().scores(answers).gt(0).float()


@registry.register_processor("multi_class_from_file")
class MultiClassFromFileProcessor(BaseProcessor):
    """A label (a string, or `label` of a dict) to `class_index`, its line in `vocab_file` without `<unk>`."""

    PARAMS = ("vocab_file", "words")

    def __init__(self, config: Mapping[str, Any], *args: Any, vocab: Vocab | None = None, **kwargs: Any):
        super().__init__(config)
        if vocab is None:
            words = _read(config, "multi_class_from_file")
            vocab = Vocab([word for word in words if word != UNKNOWN])
        self.vocab = vocab

    def __call__(self, item: str | Mapping[str, Any], *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        label = item if isinstance(item, str) else field_of(item, "label", processor="multi_class_from_file")
        if label not in self.vocab:
            raise DataError(
                f"The label {label!r} is not one of the {len(self.vocab)} classes of "
                f"{self.config.get('vocab_file', 'the vocabulary')}.{did_you_mean(label, self.vocab.words)}"
            )
        return {"class_index": torch.tensor(self.vocab.index(label), dtype=torch.long)}


@registry.register_processor("evalai_answer")
class EvalAIAnswerProcessor(BaseProcessor):
    """The official normal form of an answer: string to string, or `{"text": ...}` to the same."""

    PARAMS = ()

    def __call__(self, item: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(item, str):
            return normalize_answer(item)
        return {"text": normalize_answer(field_of(item, "text", processor="evalai_answer"))}


def answer_vocab(config: Mapping[str, Any], processor: str) -> Vocab:
    return Vocab.for_answers(_read(config, processor))


def _read(config: Mapping[str, Any], processor: str) -> list[str]:
    if config.get("words") is not None:
        return list(config["words"])
    if not config.get("vocab_file"):
        raise ConfigError(f"The processor {processor!r} needs vocab_file: a text file with one answer a line.")
    return read_words(config["vocab_file"])
