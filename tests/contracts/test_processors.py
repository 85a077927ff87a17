"""What every registered processor keeps."""

import copy
import json

import pytest
import torch

from mmf_like.datasets.processors.base import BaseProcessor, build_processor
from tests.contracts import recipes

pytestmark = pytest.mark.parametrize("name", recipes.own_names("processor"))


def built(name):
    params, item = recipes.recipe(recipes.PROCESSORS, "processor", name)
    return build_processor({"type": name, "params": params}), item


def assert_equal(one, other):
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert list(one) == list(other)
        for key in one:
            assert_equal(one[key], other[key])
    else:
        assert torch.equal(one, other) if isinstance(one, torch.Tensor) else one == other


def test_an_item_becomes_a_dict(name):
    processor, item = built(name)
    kind = torch.Tensor if name in recipes.RETURN_AN_IMAGE else list if name in recipes.RETURN_ROWS else dict
    assert isinstance(processor(item()), kind)


def test_an_item_is_left_as_it_was(name):
    processor, item = built(name)
    given = item()
    before = copy.deepcopy(given)
    processor(given)
    assert_equal(given, before)


def test_a_processor_is_built_again_from_plain_data(name):
    processor, item = built(name)
    again = BaseProcessor.from_dict(json.loads(json.dumps(processor.to_dict())))
    assert type(again) is type(processor) and again.to_dict() == processor.to_dict()
    given = item()
    assert_equal(again(given), processor(given))
