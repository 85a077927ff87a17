"""Text to words and words to indices: `simple_word`, `simple_sentence`, `vocab`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mmf_like.common.errors import ConfigError, DataError, did_you_mean
from mmf_like.common.registry import registry
from mmf_like.datasets.processors.base import BaseProcessor, build_preprocessor, field_of
from mmf_like.text.tokenize import tokenize, word_tokenize
from mmf_like.text.vocab import PAD, Vocab, read_words

_KINDS = ("random", "custom", "model")
_VECTORS_ELSEWHERE = ("pretrained", "intersected", "extracted")


@registry.register_processor("simple_word")
class SimpleWordProcessor(BaseProcessor):
    """One lower-case string without commas and question marks."""

    PARAMS = ()
    draws_random = False

    def __call__(self, item: Mapping[str, Any], *args: Any, **kwargs: Any) -> dict[str, Any]:
        return {"text": word_tokenize(field_of(item, "text", processor="simple_word"))}


@registry.register_processor("simple_sentence")
class SimpleSentenceProcessor(BaseProcessor):
    """The words of a sentence, lower case, with the punctuation between them."""

    PARAMS = ()
    draws_random = False

    def __call__(self, item: Mapping[str, Any], *args: Any, **kwargs: Any) -> dict[str, Any]:
        return {"text": tokenize(field_of(item, "text", processor="simple_sentence"))}


@registry.register_processor("vocab")
class VocabProcessor(BaseProcessor):
    """Words to `max_length` (50) indices of a vocabulary, padded with `<pad>`.

    Reads `tokens`, or `text` through the `preprocessor`; returns `text` (max_length,) int64, `tokens` and
    `length`. `config.vocab` is `{type: random, vocab_file: ...}`, a list of words, or `{words: [...]}`. Type
    `custom` has vectors of its own, `embedding_file` (.npy or .pt): one row per word, kept as `vectors`.
    """

    PARAMS = ("max_length", "vocab", "preprocessor")
    MAX_LENGTH_DEFAULT = 50

    def __init__(self, config: Mapping[str, Any], *args: Any, vocab: Vocab | None = None, **kwargs: Any):
        super().__init__(config)
        self.max_length = int(config.get("max_length") or self.MAX_LENGTH_DEFAULT)
        self.vocab = vocab if vocab is not None else build_vocab(config.get("vocab"))
        self.vectors = None if vocab is not None else load_vectors(config.get("vocab"), self.vocab)
        self.preprocessor = build_preprocessor(config)
        self.draws_random = self.preprocessor is not None and self.preprocessor.draws_random

    def __call__(self, item: Mapping[str, Any], *args: Any, **kwargs: Any) -> dict[str, Any]:
        field_of(item, "tokens", "text", processor="vocab")
        tokens = item.get("tokens")
        if tokens is None:
            if self.preprocessor is None:
                raise DataError(
                    "The processor 'vocab' was given text, not tokens, and has no preprocessor to split it. "
                    "Set preprocessor: {type: simple_sentence}."
                )
            tokens = self.preprocessor({"text": item["text"]})["text"]
        tokens = list(tokens)[: self.max_length]
        length = len(tokens)
        tokens += [PAD] * (self.max_length - length)
        return {
            "text": torch.tensor(self.vocab.indices(tokens), dtype=torch.long),
            "tokens": tokens,
            "length": torch.tensor(length, dtype=torch.long),
        }

    @property
    def vocab_size(self) -> int:
        return len(self.vocab)

    def get_vocab_size(self) -> int:
        return len(self.vocab)

    def get_pad_index(self) -> int | None:
        return self.vocab.pad_index

    def get_unk_index(self) -> int | None:
        return self.vocab.unk_index


def build_vocab(config: Any) -> Vocab:
    """The vocabulary of `config.vocab`: special words, then those of the file or the list."""
    if not config:
        raise ConfigError(
            "The processor 'vocab' needs a vocabulary: vocab: {type: random, vocab_file: vocabulary.txt}."
        )
    if not isinstance(config, Mapping):
        return Vocab.for_text(config)
    kind = config.get("type") or "random"
    if kind in _VECTORS_ELSEWHERE:
        raise ConfigError(
            f"vocab.type {kind!r} takes its vectors from GloVe or other downloads, which are not supported. "
            "Use type: custom with vectors of your own (embedding_file), or type: random."
        )
    if kind not in _KINDS:
        raise ConfigError(f"vocab.type {kind!r} is not known: {', '.join(_KINDS)}.{did_you_mean(str(kind), _KINDS)}")
    if config.get("words") is not None:
        return Vocab.for_text(config["words"])
    if not config.get("vocab_file"):
        raise ConfigError("The processor 'vocab' needs vocab.vocab_file (one word a line) or vocab.words.")
    return Vocab.for_text(read_words(config["vocab_file"]))


def load_vectors(config: Any, vocab: Vocab) -> Tensor | None:
    """Vectors (words, dim) of a custom vocabulary; the special words get zeros if the file lacks them."""
    if not isinstance(config, Mapping) or config.get("type") != "custom" or not config.get("embedding_file"):
        return None
    path = Path(config["embedding_file"])
    if not path.exists():
        raise DataError(f"There is no file of word vectors {path} (working directory: {Path.cwd()}).")
    vectors = _read_array(path).float()
    num_words = len(vocab) - vocab.num_special
    if vectors.dim() == 2 and len(vectors) == num_words:
        vectors = torch.cat([vectors.new_zeros(vocab.num_special, vectors.shape[1]), vectors])
    if vectors.dim() != 2 or len(vectors) != len(vocab):
        raise DataError(
            f"{path} has vectors of shape {tuple(vectors.shape)}, but the vocabulary has {num_words} words "
            f"({len(vocab)} with the special ones)."
        )
    return vectors


def _read_array(path: Path) -> Tensor:
    if path.suffix == ".npy":
        import numpy

        return torch.from_numpy(numpy.load(path, allow_pickle=False))
    return torch.load(path, weights_only=True)
