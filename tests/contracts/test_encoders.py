"""What every registered encoder keeps."""

import pytest
import torch

from mmf_like.modules.encoders import build_encoder
from tests.contracts import recipes


@pytest.mark.parametrize("name", recipes.own_names("encoder"))
def test_features_have_the_width_that_is_said_and_a_gradient(name):
    params, given = recipes.recipe(recipes.ENCODERS, "encoder", name)
    encoder, inputs = build_encoder({"type": name, "params": params}), given().requires_grad_()
    features = encoder(inputs)
    assert (features.shape[0], features.shape[-1]) == (len(inputs), encoder.out_dim)
    features.square().sum().backward()
    assert inputs.grad.any()
    assert all(p.grad is not None for p in encoder.parameters())


@pytest.mark.parametrize("name", recipes.own_names("encoder"))
def test_weights_travel(name):
    params, given = recipes.recipe(recipes.ENCODERS, "encoder", name)
    one, other = (build_encoder({"type": name, "params": params}).eval() for _ in range(2))
    other.load_state_dict(one.state_dict())
    inputs = given()
    assert torch.equal(one(inputs), other(inputs))
