"""Pythia: a question attends to image regions; the product of both is classified into answers.

Jiang et al., "Pythia v0.1: the Winning Entry to the VQA Challenge 2018" (arXiv:1807.09956). Shapes: B batch, T tokens,
N regions, D width of a region, Q width of the question.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from omegaconf import OmegaConf
from torch import Tensor, nn

from mmf_like.common.errors import BatchError, ConfigError
from mmf_like.common.registry import registry
from mmf_like.models.base_model import BaseModel
from mmf_like.modules.embeddings import ImageFeatureEmbedding, TextEmbedding
from mmf_like.modules.encoders.base import Encoder, build_encoder
from mmf_like.modules.encoders.image_feature import IdentityEncoder, build_image_feature_encoder
from mmf_like.modules.layers import ClassifierLayer, ModalCombineLayer

IMAGE_FEATURE_LR_MULTIPLIER = 0.1  # MMF's, for the encoders of precomputed features


@registry.register_model("pythia")
class Pythia(BaseModel):
    """Question attention, top-down image attention, element-wise product, logit classifier.

    Reads `text` (B x T word ids) and either `image_feature_0`, `image_feature_1`, ... (B x N x D, each with an optional
    `image_info_<i>` whose `max_features`, B, counts the valid regions) or, with `image_encoder`, `image`
    (B x 3 x H x W). Returns `scores`, B x answers.
    """

    @dataclass
    class Config(BaseModel.Config):
        """`text_vocab_size` and `num_labels` are needed only where the dataset does not tell them."""

        model: str = "pythia"
        text_embeddings: Any = None  # [{type, params}]: how words become a question; side by side
        image_encoder: Any = None  # {type, params, lr_multiplier}: features are made from pictures
        image_feature_dim: int = 2048  # D of precomputed features
        image_feature_encodings: Any = None  # [{type, params}]: one for each precomputed feature
        image_feature_embeddings: Any = None  # [{modal_combine, transform, normalization}]: attentions
        image_text_modal_combine: Any = None  # {type, params}
        classifier: Any = None  # {type, params}
        text_vocab_size: int | None = None
        num_labels: int | None = None
        model_data_dir: str | None = None  # MMF's; not read

    @classmethod
    def config_path(cls) -> str:
        return "configs/models/pythia/defaults.yaml"

    @classmethod
    def format_state_key(cls, key: str) -> str:
        return key.replace("fa_history", "fa_context")

    def build(self) -> None:
        config = _plain(self.config)
        vocab_size = self._size("text_vocab_size", config.get("text_vocab_size"), "text_vocab_size")
        num_answers = self._size("num_answers", config.get("num_labels"), "num_labels")
        text_sections = _sections(config, "text_embeddings")
        self.word_embedding = nn.Embedding(vocab_size, _embedding_dim(text_sections))
        self.text_embeddings = nn.ModuleList(
            TextEmbedding(section["type"], **_params(section)) for section in text_sections
        )
        question_dim: int = sum(embedding.out_dim for embedding in self.text_embeddings)  # type: ignore[misc]

        self.image_encoder = build_encoder(config["image_encoder"]) if config.get("image_encoder") else None
        if self.image_encoder is not None:
            encoders: list[Encoder] = [IdentityEncoder(self.image_encoder.out_dim)]
        else:
            dim = config["image_feature_dim"]
            encoders = [
                build_image_feature_encoder(section, dim) for section in _sections(config, "image_feature_encodings")
            ]
        self.image_feature_encoders = nn.ModuleList(encoders)
        attentions = _sections(config, "image_feature_embeddings")
        self.image_feature_embeddings_list = nn.ModuleList(
            nn.ModuleList(ImageFeatureEmbedding(encoder.out_dim, question_dim, **section) for section in attentions)
            for encoder in encoders
        )
        image_dim = sum(
            attention.out_dim * encoder.out_dim
            for encoder, row in zip(encoders, self.image_feature_embeddings_list)
            for attention in row  # type: ignore[attr-defined]
        )

        combine = config["image_text_modal_combine"]
        self.image_text_multi_modal_combine_layer = ModalCombineLayer(
            combine["type"], image_dim, question_dim, **_params(combine)
        )
        classifier = config["classifier"]
        self.classifier = ClassifierLayer(
            classifier["type"],
            self.image_text_multi_modal_combine_layer.out_dim,
            num_answers,
            **_params(classifier),
        )

    def _size(self, told: str, configured: int | None, key: str) -> int:
        size = getattr(self.data_info, told, None) or configured
        if not size:
            raise ConfigError(
                f"pythia needs {key}: the dataset does not tell {told}, and model_config.pythia.{key} is not set."
            )
        return int(size)

    def get_optimizer_parameters(self, config: Any) -> list[dict[str, Any]]:
        """Parameter groups in MMF's order, so that its optimizer states fit. `config` holds `optimizer.params.lr`.

        Encoders of precomputed features learn at a tenth of the rate, the image encoder at its own `lr_multiplier`.
        """
        groups: list[dict[str, Any]] = [
            {"params": list(module.parameters())}
            for module in (
                self.word_embedding,
                self.image_feature_embeddings_list,
                self.text_embeddings,
                self.image_text_multi_modal_combine_layer,
                self.classifier,
            )
        ]
        lr = ((_plain(config).get("optimizer") or {}).get("params") or {}).get("lr")
        groups.append(_group(self.image_feature_encoders, lr, IMAGE_FEATURE_LR_MULTIPLIER))
        if self.image_encoder is not None:
            multiplier = (_plain(self.config)["image_encoder"] or {}).get("lr_multiplier", 1.0)
            groups.append(_group(self.image_encoder, lr, multiplier))
        return groups

    def forward(self, sample_list: Any) -> dict[str, Tensor]:
        words = self.word_embedding(sample_list["text"])  # B x T x embedding_dim
        question = torch.cat([embedding(words) for embedding in self.text_embeddings], dim=1)  # B x Q
        image = self._attend(sample_list, question)
        joint = self.image_text_multi_modal_combine_layer(image, question)
        return {"scores": self.classifier(joint)}

    def _attend(self, sample_list: Any, question: Tensor) -> Tensor:
        """The attended regions of all features, side by side: B x sum(G * D)."""
        attended = []
        features = self._features(sample_list)
        for (feature, num_regions), encoder, attentions in zip(
            features, self.image_feature_encoders, self.image_feature_embeddings_list
        ):
            encoded = encoder(feature)
            for attention in attentions:  # type: ignore[attr-defined]
                attended.append(attention(encoded, question, num_regions, sample_list)[0])
        return torch.cat(attended, dim=1)

    def _features(self, sample_list: Any) -> list[tuple[Tensor, Tensor | None]]:
        """Every feature of the batch with its number of valid regions per picture (None: all are valid)."""
        if self.image_encoder is not None:
            if "image" not in sample_list:
                raise BatchError(f"pythia with image_encoder reads image, but the batch has: {_fields(sample_list)}.")
            return [(self.image_encoder(sample_list["image"]), None)]
        features = []
        wanted = len(self.image_feature_encoders)
        for index in range(wanted):
            if f"image_feature_{index}" not in sample_list:
                raise BatchError(
                    f"pythia has {wanted} image_feature_encodings and reads image_feature_{index}, "
                    f"but the batch has: {_fields(sample_list)}."
                )
            num_regions = _max_features(sample_list.get(f"image_info_{index}"))
            features.append((sample_list[f"image_feature_{index}"], num_regions))
        return features


def _max_features(info: Any) -> Tensor | None:
    """`max_features` of an `image_info_<i>`, which is a mapping or an object."""
    return info.get("max_features") if isinstance(info, Mapping) else getattr(info, "max_features", None)


def _fields(sample_list: Any) -> str:
    return ", ".join(str(key) for key in sample_list.keys())  # noqa: SIM118 (a SampleList's own keys)


def _group(module: nn.Module, lr: float | None, multiplier: float) -> dict[str, Any]:
    group: dict[str, Any] = {"params": list(module.parameters())}
    if lr is not None and multiplier != 1.0:
        group["lr"] = lr * multiplier
    return group


def _plain(config: Any) -> dict[str, Any]:
    if OmegaConf.is_config(config):
        return OmegaConf.to_container(config, resolve=True)  # type: ignore[return-value]
    return dict(config)


def _sections(config: dict[str, Any], key: str) -> list[Any]:
    sections = config.get(key)
    if not isinstance(sections, list) or not sections:
        raise ConfigError(f"model_config.pythia.{key} must be a list with at least one entry, but is {sections!r}.")
    return sections


def _params(section: dict[str, Any]) -> dict[str, Any]:
    """The params of a `{type, params}` section; one that is null is left to its default."""
    return {key: value for key, value in (section.get("params") or {}).items() if value is not None}


def _embedding_dim(text_sections: list[Any]) -> int:
    dims = {(section.get("params") or {}).get("embedding_dim", 300) for section in text_sections}
    if len(dims) > 1:
        raise ConfigError(
            f"The text_embeddings of pythia share one word embedding, but ask for embedding_dim {sorted(dims)}."
        )
    return dims.pop()
