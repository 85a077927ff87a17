import pytest
import torch
from torchvision.transforms.v2.functional import to_pil_image

from mmf_like.common.errors import ConfigError, DataError
from mmf_like.datasets.processors.base import BaseProcessor
from mmf_like.datasets.processors.image_processors import NormalizeBGR255, TorchvisionTransforms

STEPS = [
    {"type": "Resize", "params": {"size": [24, 24]}},
    "ToTensor",
    {"type": "Normalize", "params": {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4]}},
]


def photo(height=48, width=64):
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (3, height, width), dtype=torch.uint8, generator=generator)


def test_a_tensor_gives_what_its_pil_image_gives():
    transforms = TorchvisionTransforms({"transforms": STEPS})
    got = transforms({"image": photo()})["image"]
    expected = transforms(to_pil_image(photo()))
    assert got.shape == (3, 24, 24) and got.dtype == torch.float32 and got.is_contiguous()
    # One step of uint8 is 1 / 255 / 0.2 after normalising.
    torch.testing.assert_close(got, expected, rtol=0, atol=1 / 255 / 0.2 + 1e-5)


def test_normalize_joined_with_to_tensor_changes_nothing():
    together = TorchvisionTransforms({"transforms": STEPS[1:]})
    apart = TorchvisionTransforms({"transforms": ["ToTensor", "GrayScaleTo3Channels", STEPS[2]]})
    assert len(together.transforms) == 1 and len(apart.transforms) == 3
    torch.testing.assert_close(together(photo()), apart(photo()), rtol=0, atol=1e-6)


def test_images_are_joined_with_other_numbers_of_channels():
    gray = TorchvisionTransforms(
        {"transforms": ["ToTensor", {"type": "Normalize", "params": {"mean": [0.5], "std": [0.5]}}]}
    )
    assert gray(torch.full((1, 2, 2), 255, dtype=torch.uint8)).tolist() == [[[1, 1], [1, 1]]]


@pytest.mark.parametrize(
    ("transforms", "text"),
    [
        (
            ["CenterCorp"],
            "transforms[0]: 'CenterCorp' is not a transform of torchvision.transforms.v2 or "
            "torchvision.transforms, nor a registered processor. Did you mean 'CenterCrop'?",
        ),
        (["ToTensor", 5], "transforms[1] must be a name or {type: ..., params: ...}, not 5."),
        (None, "torchvision_transforms needs `transforms`: a list of names or {type, params}."),
    ],
)
def test_mistakes_are_named(transforms, text):
    with pytest.raises(ConfigError) as error:
        TorchvisionTransforms({"transforms": transforms})
    assert str(error.value) == text


def test_wrong_params_are_named():
    with pytest.raises(ConfigError, match=r"transforms\[0\]: Resize does not take params {'sizes': 3}: "):
        TorchvisionTransforms({"transforms": [{"type": "Resize", "params": {"sizes": 3}}]})
    with pytest.raises(DataError, match=r"torchvision_transforms needs image, but the item has img\."):
        TorchvisionTransforms({"transforms": "ToTensor"})({"img": 1})
    with pytest.raises(DataError, match=r"An image of 4 x 5 pixels does not fit pad_size 2\."):
        NormalizeBGR255(pad_size=2)(torch.ones(3, 4, 5))


def test_interpolation_by_name_and_saving():
    config = {"transforms": [{"type": "Resize", "params": {"size": [5, 5], "interpolation": "bicubic"}}]}
    transforms = TorchvisionTransforms(config)
    assert BaseProcessor.from_dict(transforms.to_dict())(photo()).shape == (3, 5, 5)
    assert transforms.to_dict() == {"type": "torchvision_transforms", "params": config}
