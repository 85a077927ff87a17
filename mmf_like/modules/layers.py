"""Layers that models are put together from: weight-normalised linear maps, products of modalities, classifiers.

Parameter names are MMF's, so that its checkpoints load by name. Shapes: B batch, N regions, D width.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from mmf_like.common.construct import construct
from mmf_like.common.errors import ConfigError, did_you_mean

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "swish": nn.SiLU,
    "sigmoid": nn.Sigmoid,
    "leaky_relu": nn.LeakyReLU,
}


class Identity(nn.Module):
    """Returns its input. Takes and ignores any arguments, so that it can stand in for another layer."""

    def __init__(self, **kwargs: Any):
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        return x


class WeightNormLinear(nn.Module):
    """`x W^T + b` with `W = weight_g * weight_v / |weight_v|`, the norm taken over the whole matrix.

    Salimans & Kingma, "Weight Normalization" (2016), with one length for all rows. `weight_g` is a 0-d tensor.
    """

    def __init__(self, in_dim: int, out_dim: int):
        super().__init__()
        start = nn.Linear(in_dim, out_dim)
        self.bias = nn.Parameter(start.bias.detach())
        self.weight_g = nn.Parameter(start.weight.detach().norm())
        self.weight_v = nn.Parameter(start.weight.detach())

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x, self.weight_v * (self.weight_g / self.weight_v.norm()), self.bias)

    def extra_repr(self) -> str:
        return f"in_dim={self.weight_v.shape[1]}, out_dim={self.weight_v.shape[0]}"


class ReLUWithWeightNormFC(nn.Module):
    """`relu(WeightNormLinear(x))` over the last dimension."""

    def __init__(self, in_dim: int, out_dim: int):
        super().__init__()
        self.layers = nn.Sequential(WeightNormLinear(in_dim, out_dim), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class NonLinearElementMultiply(nn.Module):
    """Product of projected image regions and projected question (and, appended as regions, a context).

    Reads image B x N x image_dim or B x image_dim, question B x ques_emb_dim, context B x M x context_dim.
    Returns B x (N + M) x hidden_dim or B x hidden_dim.
    """

    def __init__(
        self,
        image_feat_dim: int,
        ques_emb_dim: int,
        *,
        hidden_dim: int,
        dropout: float = 0.0,
        context_dim: int | None = None,
    ):
        super().__init__()
        self.fa_image = ReLUWithWeightNormFC(image_feat_dim, hidden_dim)
        self.fa_txt = ReLUWithWeightNormFC(ques_emb_dim, hidden_dim)
        self.fa_context = ReLUWithWeightNormFC(context_dim, hidden_dim) if context_dim else None
        self.dropout = nn.Dropout(dropout)
        self.out_dim = hidden_dim

    def forward(self, image: Tensor, question: Tensor, context: Tensor | None = None) -> Tensor:
        question = self.fa_txt(question)
        if image.dim() == 3:
            question = question.unsqueeze(1)
        joint = self.fa_image(image) * question
        if context is not None:
            if self.fa_context is None:
                raise ConfigError("non_linear_element_multiply was built without context_dim, but was given a context.")
            joint = torch.cat([joint, self.fa_context(context) * question], dim=1)
        return self.dropout(joint)


class TwoLayerElementMultiply(nn.Module):
    """As `NonLinearElementMultiply` without context, with two projections on either side."""

    def __init__(self, image_feat_dim: int, ques_emb_dim: int, *, hidden_dim: int, dropout: float = 0.0):
        super().__init__()
        self.fa_image1 = ReLUWithWeightNormFC(image_feat_dim, hidden_dim)
        self.fa_image2 = ReLUWithWeightNormFC(hidden_dim, hidden_dim)
        self.fa_txt1 = ReLUWithWeightNormFC(ques_emb_dim, hidden_dim)
        self.fa_txt2 = ReLUWithWeightNormFC(hidden_dim, hidden_dim)
        self.dropout = nn.Dropout(dropout)
        self.out_dim = hidden_dim

    def forward(self, image: Tensor, question: Tensor) -> Tensor:
        question = self.fa_txt2(self.fa_txt1(question))
        if image.dim() == 3:
            question = question.unsqueeze(1)
        return self.dropout(self.fa_image2(self.fa_image1(image)) * question)


class LinearTransform(nn.Module):
    """`WeightNormLinear` under the name `lc`."""

    def __init__(self, in_dim: int, out_dim: int):
        super().__init__()
        self.lc = WeightNormLinear(in_dim, out_dim)
        self.out_dim = out_dim

    def forward(self, x: Tensor) -> Tensor:
        return self.lc(x)


class ConvTransform(nn.Module):
    """Two 1 x 1 convolutions with a ReLU between, over the regions: B x N x in_dim (or B x in_dim) to out_dim."""

    def __init__(self, in_dim: int, out_dim: int, *, hidden_dim: int):
        super().__init__()
        self.conv1 = nn.Conv2d(in_dim, hidden_dim, kernel_size=1)
        self.conv2 = nn.Conv2d(hidden_dim, out_dim, kernel_size=1)
        self.out_dim = out_dim

    def forward(self, x: Tensor) -> Tensor:
        regions = x if x.dim() == 3 else x.unsqueeze(1)
        grid = regions.transpose(1, 2).unsqueeze(3)  # B x in_dim x N x 1
        out = self.conv2(nn.functional.relu(self.conv1(grid))).squeeze(3).transpose(1, 2)  # B x N x out_dim
        return out if x.dim() == 3 else out.squeeze(1)


class WeightNormClassifier(nn.Module):
    """Weight-normalised linear, ReLU, dropout, weight-normalised linear."""

    def __init__(self, in_dim: int, out_dim: int, *, hidden_dim: int, dropout: float = 0.0):
        super().__init__()
        self.main = nn.Sequential(
            WeightNormLinear(in_dim, hidden_dim),
            nn.ReLU(),
            nn.Dropout(dropout),
            WeightNormLinear(hidden_dim, out_dim),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.main(x)


class LogitClassifier(nn.Module):
    """Sum of two branches, each ReLUWithWeightNormFC and linear; the branches have their own hidden widths."""

    def __init__(self, in_dim: int, out_dim: int, *, text_hidden_dim: int, img_hidden_dim: int):
        super().__init__()
        self.f_o_text = ReLUWithWeightNormFC(in_dim, text_hidden_dim)
        self.f_o_image = ReLUWithWeightNormFC(in_dim, img_hidden_dim)
        self.linear_text = nn.Linear(text_hidden_dim, out_dim)
        self.linear_image = nn.Linear(img_hidden_dim, out_dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear_text(self.f_o_text(x)) + self.linear_image(self.f_o_image(x))


class MLPClassifier(nn.Module):
    """`num_layers` times linear, batch norm (if `batch_norm`), activation, dropout; then linear.

    `hidden_dim` defaults to the input's width; no hidden layer makes it a plain linear map.
    """

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        *,
        hidden_dim: int | None = None,
        num_layers: int = 0,
        dropout: float = 0.5,
        hidden_act: str = "relu",
        batch_norm: bool = True,
    ):
        super().__init__()
        if hidden_act not in ACTIVATIONS:
            raise ConfigError(
                f"No activation is called {hidden_act!r}.{did_you_mean(hidden_act, ACTIVATIONS)} "
                f"Known: {', '.join(ACTIVATIONS)}."
            )
        layers: list[nn.Module] = []
        width = in_dim
        for _ in range(num_layers):
            layers.append(nn.Linear(width, hidden_dim or in_dim))
            width = hidden_dim or in_dim
            if batch_norm:
                layers.append(nn.BatchNorm1d(width))
            layers += [ACTIVATIONS[hidden_act](), nn.Dropout(dropout)]
        layers.append(nn.Linear(width, out_dim))
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


MODAL_COMBINES: dict[str, type[nn.Module]] = {
    "non_linear_element_multiply": NonLinearElementMultiply,
    "two_layer_element_multiply": TwoLayerElementMultiply,
}
TRANSFORMS: dict[str, type[nn.Module]] = {"linear": LinearTransform, "conv": ConvTransform}
CLASSIFIERS: dict[str, type[nn.Module]] = {
    "logit": LogitClassifier,
    "weight_norm": WeightNormClassifier,
    "mlp": MLPClassifier,
    "linear": nn.Linear,
}


class ModalCombineLayer(nn.Module):
    """The combination named by `combine_type` (`MODAL_COMBINES`), under the name `module`. `out_dim` is its width."""

    def __init__(self, combine_type: str, img_feat_dim: int, txt_emb_dim: int, /, **params: Any):
        super().__init__()
        combine = pick("modal_combine", combine_type, MODAL_COMBINES)
        self.module = construct(f"modal_combine {combine_type!r}", combine, img_feat_dim, txt_emb_dim, **params)
        self.out_dim: int = self.module.out_dim

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.module(*inputs)


class TransformLayer(nn.Module):
    """The transform named by `transform_type` (`TRANSFORMS`), under the name `module`. `out_dim` is its width."""

    def __init__(self, transform_type: str, in_dim: int, out_dim: int, **params: Any):
        super().__init__()
        transform = pick("transform", transform_type, TRANSFORMS)
        self.module = construct(f"transform {transform_type!r}", transform, in_dim, out_dim, **params)
        self.out_dim = out_dim

    def forward(self, x: Tensor) -> Tensor:
        return self.module(x)


class ClassifierLayer(nn.Module):
    """The classifier named by `classifier_type` (`CLASSIFIERS`), under the name `module`: B x in_dim to B x out_dim."""

    def __init__(self, classifier_type: str, in_dim: int, out_dim: int, /, **params: Any):
        super().__init__()
        classifier = pick("classifier", classifier_type, CLASSIFIERS)
        self.module = construct(f"classifier {classifier_type!r}", classifier, in_dim, out_dim, **params)

    def forward(self, x: Tensor) -> Tensor:
        return self.module(x)


def pick(what: str, name: str, known: dict[str, Any]) -> Any:
    """`known[name]`, or a `ConfigError` that names the nearest key of `known`."""
    if name not in known:
        raise ConfigError(
            f"No {what} type is called {name!r}.{did_you_mean(str(name), known)} Known: {', '.join(known)}."
        )
    return known[name]
