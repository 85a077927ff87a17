from types import SimpleNamespace

import pytest
import torch

from mmf_like.common.errors import ConfigError
from mmf_like.modules.attention import AttentionLayer, region_mask
from mmf_like.modules.embeddings import ImageFeatureEmbedding
from tests.modules.reference import TOLERANCE, case_id, good

FILE = "modules_foundation.pt"
CLASSES = {"AttentionLayer": AttentionLayer, "ImageFeatureEmbedding": ImageFeatureEmbedding}
SECTIONS = {
    "modal_combine": {"type": "non_linear_element_multiply", "params": {"hidden_dim": 4, "dropout": 0}},
    "transform": {"type": "linear", "params": {"out_dim": 1}},
}


@pytest.mark.parametrize("case", good(FILE, keys=CLASSES), ids=case_id)
def test_attention_computes_what_mmf_does_with_its_weights(case):
    layer = CLASSES[case["key"]](*case["args"], **case["kwargs"]).eval()
    layer.load_state_dict(case["state_dict"])
    keywords = dict(case["input_kwargs"])
    if "extra" in keywords:
        keywords["extra"] = SimpleNamespace(**keywords["extra"])
    output = layer(*case["inputs"], **keywords)
    output = list(output) if isinstance(output, tuple) else output
    torch.testing.assert_close(output, case["output"], **TOLERANCE)
    assert layer.out_dim == case["out_dim"]


def test_region_mask_counts_from_the_left():
    assert region_mask(torch.tensor([0, 2]), 3).tolist() == [[False, False, False], [True, True, False]]


def test_a_picture_without_regions_has_zero_weights_and_finite_gradients():
    layer = AttentionLayer(3, 2, **SECTIONS, normalization="softmax")
    image = torch.randn(2, 4, 3, requires_grad=True)
    weights = layer(image, torch.randn(2, 2), torch.tensor([0, 4]))
    weights.square().sum().backward()
    assert weights[0].eq(0).all()
    torch.testing.assert_close(weights[1].sum(), torch.tensor(1.0))
    assert image.grad.isfinite().all()


def test_valid_regions_keep_their_weights_when_a_padded_one_scores_far_higher():
    layer = AttentionLayer(3, 2, **SECTIONS, normalization="softmax")
    image = torch.cat([torch.randn(1, 2, 3), torch.full((1, 1, 3), 1e4)], dim=1)
    question = torch.randn(1, 2)
    padded = layer(image, question, torch.tensor([2]))
    torch.testing.assert_close(padded[:, :2], layer(image[:, :2], question))


def test_unknown_normalization_is_named():
    with pytest.raises(ConfigError) as error:
        AttentionLayer(3, 2, **SECTIONS, normalization="softmin")
    assert str(error.value) == "normalization must be softmax or sigmoid, but is 'softmin'."


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {"transform": {"type": "linear", "params": {}}},
            "The transform 'linear' needs out_dim. It takes: out_dim.",
        ),
        (
            {"transform": {"type": "linear", "params": {"out_dim": 1, "bogus": 1}}},
            "The transform 'linear' does not take 'bogus'. It takes: nothing.",
        ),
        ({"modal_combine": {"params": {}}}, "A section of an attention needs a type, but is {'params': {}}."),
        (
            {"normalisation": "softmax"},
            "The entry of image_feature_embeddings does not take 'normalisation'. Did you mean 'normalization'? "
            "It takes: modal_combine, transform, normalization.",
        ),
    ],
)
def test_a_wrong_section_is_named(changes, text):
    with pytest.raises(ConfigError) as error:
        ImageFeatureEmbedding(3, 2, **{**SECTIONS, "normalization": "softmax", **changes})
    assert str(error.value) == text
