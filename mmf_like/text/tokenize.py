"""Splits sentences into words by MMF's rules, which the vocabularies of its datasets were made with."""

from __future__ import annotations

import re
from collections.abc import Sequence

_NO_WORD = re.compile(r"(\W+)")


def tokenize(
    sentence: str, *, keep: Sequence[str] = ("'s",), remove: Sequence[str] = (",", "?"), regex: str | None = None
) -> list[str]:
    """Lower-case words and the punctuation between them: `"The dog's red, ..."` -> the, dog, ', s, red, ...

    `remove` is deleted first, `keep` is set apart by spaces, then the text is split at `regex` (all that is no
    word character); what stands between words stays, blanks do not.
    """
    sentence = sentence.lower()
    for token in keep:
        sentence = sentence.replace(token, f" {token}")
    for token in remove:
        sentence = sentence.replace(token, "")
    pieces = re.split(regex, sentence) if regex else _NO_WORD.split(sentence)
    return [piece.strip() for piece in pieces if piece and piece.strip()]


def word_tokenize(word: str, remove: Sequence[str] = (",", "?")) -> str:
    """One lower-case string with `remove` deleted and `'s` set apart: the form of an answer or a single word."""
    word = word.lower()
    for token in remove:
        word = word.replace(token, "")
    return word.replace("'s", " 's").strip()


def ngrams(tokens: Sequence[str], n: int = 1) -> list[str]:
    """All runs of `n` tokens, joined by spaces."""
    return [" ".join(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]


def ngrams_range(tokens: Sequence[str], ngram_range: tuple[int, int] = (1, 3)) -> list[str]:
    """The n-grams for every n from the first up to, not including, the second of `ngram_range`."""
    if len(ngram_range) != 2:
        raise ValueError(f"ngram_range is a pair (first n, n to stop before), not {ngram_range!r}.")
    return [gram for n in range(*ngram_range) for gram in ngrams(tokens, n)]
