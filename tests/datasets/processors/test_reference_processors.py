"""Every processor against upstream's results; the differences are listed."""

import warnings

import pytest
import torch
from PIL import Image
from torchvision.transforms.v2.functional import pil_to_tensor

from mmf_like.common.errors import ConfigError, DataError
from mmf_like.common.registry import registry
from tests.reference_cases import cases

CASES = cases("processors.pt")
AS_KEYWORDS = ("ResizeShortest", "NormalizeBGR255")
ERRORS = {"AssertionError": (DataError, ConfigError), "TypeError": TypeError, "AttributeError": ConfigError}
KNOWN_DIFFERENCES = {
    # upstream raises IndexError for more answers than num_answers
    ("vqa_answer/basic", 8): DataError,
    ("multi_hot_answer_from_vocab/basic", 8): DataError,
    # upstream loses the first class when <unk> stands later in the file
    ("multi_class_from_file/unk_in_file", 0): {"class_index": torch.tensor(0)},
}


def with_files(value, folder):
    if isinstance(value, dict):
        return {key: with_files(item, folder) for key, item in value.items()}
    return value.replace("<file:", f"{folder}/").rstrip(">") if str(value).startswith("<file:") else value


def with_images(value):
    if isinstance(value, dict):
        if "__pil__" in value:
            return Image.fromarray(value["__pil__"].numpy())
        return {key: with_images(item) for key, item in value.items()}
    return value


def assert_same(got, expected):
    if isinstance(expected, dict) and "__pil__" in expected:
        # Recent Pillow may resize rows before columns, which moves the rounding by one.
        torch.testing.assert_close(pil_to_tensor(got).permute(1, 2, 0), expected["__pil__"], rtol=0, atol=1)
    elif isinstance(expected, torch.Tensor):
        assert got.dtype == expected.dtype
        torch.testing.assert_close(got, expected, rtol=1e-6, atol=1e-6)
    elif isinstance(expected, dict):
        assert set(got) == set(expected)
        for key, value in expected.items():
            assert_same(got[key], value)
    else:
        assert got == expected


@pytest.mark.parametrize("name", CASES)
def test_processor_is_upstreams(name, tmp_path):
    case = CASES[name]
    for file, lines in case.get("files", {}).items():
        (tmp_path / file).write_text("\n".join(lines) + "\n")
    config = with_files(case["config"], tmp_path)
    found = registry.find("processor", case["key"])

    def build():
        return found(**config) if case["key"] in AS_KEYWORDS else found(config)

    if "error" in case:
        with pytest.raises(ERRORS[case["error"]["type"]]):
            build()
        return
    processor = build()
    for prop, value in case.get("props", {}).items():
        got = getattr(processor, prop)
        assert (got() if callable(got) else got) == value, prop
    for index, call in enumerate(case["calls"]):
        given = with_images(call["input"])
        expected = KNOWN_DIFFERENCES.get((name, index), call.get("output"))
        if isinstance(expected, type):
            with pytest.raises(expected):
                processor(given)
        elif expected is None and "error" in call:
            with pytest.raises(ERRORS[call["error"]["type"]]):
                processor(given)
        else:
            assert_same(processor(given), expected)


def test_no_case_warns():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        registry.find("processor", "torchvision_transforms")({"transforms": ["ToTensor"]})
