"""Words to numbers and back: the vocabularies of text and answer processors, also inside a saved model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmf_like.common.errors import DataError
from mmf_like.text.tokenize import tokenize

PAD, START, END, UNKNOWN = "<pad>", "<s>", "</s>", "<unk>"


class Vocab:
    """`words` in order; a word that is not among them has the index of `<unk>`, or None where there is none.

    Of a word that occurs twice the later index counts, except for the special words in front.
    """

    def __init__(self, words: Sequence[str], num_special: int = 0):
        self.words = list(words)
        self.num_special = num_special
        self._index = {word: index for index, word in enumerate(self.words)}
        self._index.update({word: index for index, word in enumerate(self.words[:num_special])})
        self.unk_index = self._index.get(UNKNOWN)
        self.pad_index = self._index.get(PAD)
        self.start_index = self._index.get(START)
        self.end_index = self._index.get(END)

    # -- ways to make one --

    @classmethod
    def for_text(cls, words: Iterable[str]) -> Vocab:
        """`<pad> <s> </s> <unk>` (0 to 3), then `words`: what questions are indexed with."""
        return cls([PAD, START, END, UNKNOWN, *words], num_special=4)

    @classmethod
    def for_answers(cls, words: Iterable[str]) -> Vocab:
        """`words`, with `<unk>` put first when it is not among them: what answers are classified into."""
        words = list(words)
        return cls(words if UNKNOWN in words else [UNKNOWN, *words])

    @classmethod
    def from_sentences(
        cls,
        sentences: Iterable[str],
        *,
        min_count: int = 1,
        keep: Sequence[str] = (),
        remove: Sequence[str] = (),
        only_unk_extra: bool = False,
    ) -> Vocab:
        """The words of `sentences` that occur `min_count` times, in order of appearance, after special ones.

        These are `<pad> <unk> <s> </s>`, or only `<unk>`.
        """
        counts = Counter(word for text in sentences for word in tokenize(text, keep=keep, remove=remove))
        return cls.from_counts(counts, min_count=min_count, only_unk_extra=only_unk_extra)

    @classmethod
    def from_counts(cls, counts: Mapping[str, int], *, min_count: int = 1, only_unk_extra: bool = False) -> Vocab:
        special = [UNKNOWN] if only_unk_extra else [PAD, UNKNOWN, START, END]
        words = [word for word, count in counts.items() if count >= min_count and word not in special]
        return cls([*special, *words], num_special=len(special))

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Vocab:
        return cls(list(saved["words"]), int(saved.get("num_special", 0)))

    def to_dict(self) -> dict[str, Any]:
        """Plain containers, for a checkpoint."""
        return {"words": list(self.words), "num_special": self.num_special}

    # -- use --

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self._index

    def index(self, word: str) -> int:
        """The number of a word, of `<unk>` when it is not known; DataError when there is no `<unk>`."""
        found = self._index.get(word, self.unk_index)
        if found is None:
            raise DataError(f"{word!r} is not in the vocabulary of {len(self)} words, which has no {UNKNOWN!r}.")
        return found

    def indices(self, words: Iterable[str]) -> list[int]:
        return [self.index(word) for word in words]

    def word(self, index: int) -> str:
        return self.words[index]

    # MMF's names
    word2idx = index
    idx2word = word

    def tokenize_and_index(self, sentence: str) -> list[int]:
        return self.indices(tokenize(sentence))

    def get_unk_index(self) -> int | None:
        return self.unk_index

    def get_pad_index(self) -> int | None:
        return self.pad_index

    def get_start_index(self) -> int | None:
        return self.start_index

    def get_end_index(self) -> int | None:
        return self.end_index

    def get_size(self) -> int:
        return len(self.words)


def read_words(path: str | Path) -> list[str]:
    """The lines of a vocabulary file, blanks at their ends cut off; an empty line is the empty word."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise DataError(f"There is no vocabulary file {path} (working directory: {Path.cwd()}).") from None
    except UnicodeDecodeError as error:
        reason = f"{error.reason} at byte {error.start}"
        raise DataError(f"The vocabulary file {path} is not UTF-8 text: {reason}.") from error
    return [line.strip() for line in text.splitlines()]
