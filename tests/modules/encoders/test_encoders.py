import pytest
import torch

from mmf_like.common.errors import ConfigError
from mmf_like.modules.encoders import build_encoder
from mmf_like.modules.encoders.image_feature import build_image_feature_encoder
from tests.modules.reference import case_id, good


@pytest.mark.parametrize("case", good("modules_foundation.pt", kind="encoder", keys={"identity"}), ids=case_id)
def test_encoder_computes_what_mmf_does(case):
    name, params = case["args"]
    encoder = build_encoder({"type": name, "params": params})
    torch.testing.assert_close(encoder(*case["inputs"]), case["output"])
    assert encoder.out_dim == case["out_dim"]


def test_conv_grid_gives_a_row_of_cells():
    encoder = build_encoder({"type": "conv_grid", "params": {"channels": [4, 6], "strides": [4, 2]}})
    assert encoder(torch.rand(2, 3, 64, 64)).shape == (2, 64, 6)
    assert encoder.out_dim == 6


def test_cells_go_row_by_row_from_the_top_left():
    encoder = build_encoder({"type": "conv_grid", "params": {"channels": [2], "strides": [4], "norm": "none"}}).eval()
    torch.nn.init.ones_(encoder.layers[0].weight)
    image = torch.zeros(1, 3, 16, 16)
    image[:, :, 0, 15] = 1  # the top right corner, seen by the fourth cell alone
    changed = encoder(image) - encoder(torch.zeros(1, 3, 16, 16))
    assert changed.sum(2)[0].nonzero().flatten().tolist() == [3]


def test_bytes_are_scaled_to_one():
    encoder = build_encoder({"type": "conv_grid", "params": {"channels": [2]}}).eval()
    image = torch.randint(256, (2, 3, 8, 8), dtype=torch.uint8)
    torch.testing.assert_close(encoder(image), encoder(image.float() / 255))


def test_default_image_feature_encoder_leaves_features_alone():
    encoder = build_image_feature_encoder({"type": "default", "params": {"model_data_dir": "/x"}}, 5)
    x = torch.randn(2, 3, 5)
    assert encoder(x) is x
    assert encoder.out_dim == 5


def test_projection_takes_the_width_of_the_features():
    encoder = build_image_feature_encoder({"type": "projection", "params": {"out_dim": 4}}, 5)
    assert encoder(torch.randn(2, 3, 5)).shape == (2, 3, 4)


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({"params": {}}, "An encoder section needs a type, but has only: params."),
        (
            {"type": "conv_grid", "params": {"channels": [4], "strides": [2, 2]}},
            "conv_grid takes one stride per entry of channels: [4] has 1, [2, 2] has 2.",
        ),
        ({"type": "conv_grid", "params": {"norm": "layer"}}, "conv_grid: norm must be batch or none, but is 'layer'."),
        (
            {"type": "conv_grid", "params": {"chanels": [4]}},
            "The encoder 'conv_grid' does not take 'chanels'. Did you mean 'channels'? "
            "It takes: channels, in_channels, strides, norm.",
        ),
    ],
)
def test_a_wrong_encoder_section_is_named(config, text):
    with pytest.raises(ConfigError) as error:
        build_encoder(config)
    assert str(error.value) == text
