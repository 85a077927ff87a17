"""Embeddings of text and of image regions. Shapes: B batch, T tokens, N regions, D width, G attention maps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mmf_like.common.construct import construct
from mmf_like.common.errors import ConfigError
from mmf_like.modules.attention import AttentionLayer
from mmf_like.modules.layers import Identity, pick

NUM_SPECIAL_WORDS = 4  # padding, start, end and unknown come before the words of a vocabulary file


class VocabEmbedding(nn.Module):
    """A table of word vectors, B x T ids to B x T x embedding_dim; sized by a number or a file of one word a line."""

    def __init__(
        self,
        *,
        embedding_dim: int = 300,
        vocab_size: int | None = None,
        vocab_file: str | None = None,
        type: str = "random",
    ):
        super().__init__()
        if type != "random":
            raise ConfigError(f"VocabEmbedding draws its vectors at random; type is {type!r}, not 'random'.")
        if vocab_size is None:
            if vocab_file is None:
                raise ConfigError("VocabEmbedding takes vocab_size or vocab_file, but neither was given.")
            words = Path(vocab_file).read_text(encoding="utf-8").splitlines()
            vocab_size = NUM_SPECIAL_WORDS + len(words)
        self.module = nn.Embedding(vocab_size, embedding_dim)
        self.out_dim = self.text_out_dim = embedding_dim

    def forward(self, ids: Tensor) -> Tensor:
        return self.module(ids)


class ProjectionEmbedding(nn.Module):
    """A linear map of the last dimension ("linear"), or 1-d convolutions in a row over B x in_dim x T ("conv").

    `convs` lists the keywords of each `torch.nn.Conv1d` but for `in_channels`; the last `out_channels` is the width.
    """

    def __init__(self, *, module: str, in_dim: int, out_dim: int, convs: Sequence[Mapping[str, Any]] = ()):
        super().__init__()
        if module == "linear":
            self.layers: nn.Module = nn.Linear(in_dim, out_dim)
        elif module == "conv":
            layers = []
            for conv in convs:
                layers.append(nn.Conv1d(in_dim, **conv))
                in_dim = conv["out_channels"]
            self.layers = nn.Sequential(*layers)
            out_dim = in_dim
        else:
            raise ConfigError(f"ProjectionEmbedding: module must be linear or conv, but is {module!r}.")
        self.out_dim = self.text_out_dim = out_dim

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class BiLSTMTextEmbedding(nn.Module):
    """Output of a GRU or LSTM at the last token of B x T x embedding_dim.

    `out_dim` is its width, twice hidden_dim with `bidirectional`; `text_out_dim` counts one direction. As in MMF, the
    backward half is read at the last token too, where it has seen that token only.
    """

    def __init__(
        self,
        hidden_dim: int,
        embedding_dim: int,
        num_layers: int,
        dropout: float,
        bidirectional: bool = False,
        rnn_type: str = "GRU",
    ):
        super().__init__()
        recurrent = pick("rnn_type", rnn_type, {"GRU": nn.GRU, "LSTM": nn.LSTM})
        self.recurrent_encoder = recurrent(
            embedding_dim,
            hidden_dim,
            num_layers,
            dropout=dropout if num_layers > 1 else 0.0,  # torch puts it between layers and warns where there is one
            bidirectional=bidirectional,
            batch_first=True,
        )
        self.text_out_dim = hidden_dim
        self.out_dim = hidden_dim * (2 if bidirectional else 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.forward_all(x)[:, -1]

    def forward_all(self, x: Tensor) -> Tensor:
        """The states at every token: B x T x out_dim."""
        return self.recurrent_encoder(x)[0]


class AttentionTextEmbedding(nn.Module):
    """Self-attended sum of LSTM states: `conv2_out` weighted means over the tokens, side by side.

    Reads B x T x embedding_dim, returns B x (hidden_dim * conv2_out). Padding is attended to like words, as in MMF.
    """

    def __init__(
        self,
        hidden_dim: int,
        embedding_dim: int,
        num_layers: int,
        dropout: float,
        *,
        conv1_out: int,
        conv2_out: int,
        kernel_size: int = 1,
        padding: int = 0,
        bidirectional: bool = False,
    ):
        super().__init__()
        self.recurrent_unit = nn.LSTM(
            embedding_dim,
            hidden_dim // 2 if bidirectional else hidden_dim,
            num_layers,
            batch_first=True,
            bidirectional=bidirectional,
        )
        self.dropout = nn.Dropout(dropout)
        self.conv1 = nn.Conv1d(hidden_dim, conv1_out, kernel_size, padding=padding)
        self.conv2 = nn.Conv1d(conv1_out, conv2_out, kernel_size, padding=padding)
        self.out_dim = self.text_out_dim = hidden_dim * conv2_out

    def forward(self, x: Tensor) -> Tensor:
        states = self.dropout(self.recurrent_unit(x)[0])  # B x T x hidden_dim
        logits = self.conv2(nn.functional.relu(self.conv1(states.transpose(1, 2))))  # B x conv2_out x T
        return torch.bmm(logits.softmax(dim=2), states).flatten(1)


def table(vocab_size: int, embedding_dim: int) -> nn.Embedding:
    """torch's own embedding with the names of MMF's settings."""
    return nn.Embedding(vocab_size, embedding_dim)


TEXT_EMBEDDINGS: dict[str, Callable[..., nn.Module]] = {
    "identity": Identity,
    "vocab": VocabEmbedding,
    "projection": ProjectionEmbedding,
    "bilstm": BiLSTMTextEmbedding,
    "attention": AttentionTextEmbedding,
    "torch": table,
}


class TextEmbedding(nn.Module):
    """The embedding `emb_type` names (`TEXT_EMBEDDINGS`), under the name `module`; `params` are its keywords.

    `out_dim` is the width of the last dimension of its output, `text_out_dim` MMF's name for it. The key
    `model_data_dir`, which MMF writes into every section, is passed over.
    """

    def __init__(self, emb_type: str, /, **params: Any):
        super().__init__()
        params.pop("model_data_dir", None)
        embedding = pick("text embedding", emb_type, TEXT_EMBEDDINGS)
        self.module = construct(f"text embedding {emb_type!r}", embedding, **params)
        self.out_dim: int = getattr(self.module, "out_dim", params.get("embedding_dim", 0))
        self.text_out_dim: int = getattr(self.module, "text_out_dim", self.out_dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.module(x)


class ImageFeatureEmbedding(nn.Module):
    """Sums of image regions weighted by attention to a question: G of them, side by side.

    Reads image B x N x D, question B x Q, number of valid regions B or None, and `extra`, whose optional attribute
    `order_vectors` (B x N x K) is appended to the regions. Returns (B x (G * (D + K)), weights B x N x G).
    `out_dim` is G.
    """

    def __init__(self, img_dim: int, question_dim: int, **attention: Any):
        super().__init__()
        what = "entry of image_feature_embeddings"
        self.image_attention_model = construct(what, AttentionLayer, img_dim, question_dim, **attention)
        self.out_dim = self.image_attention_model.out_dim

    def forward(
        self, image: Tensor, question: Tensor, num_regions: Tensor | None = None, extra: Any = None
    ) -> tuple[Tensor, Tensor]:
        weights = self.image_attention_model(image, question, num_regions)  # B x N x G
        order_vectors = getattr(extra, "order_vectors", None)
        if order_vectors is not None:
            image = torch.cat([image, order_vectors], dim=2)
        return torch.bmm(weights.transpose(1, 2), image).flatten(1), weights
