"""Weights by name, and one clear error when they do not fit."""

import pytest
import torch
from torch import nn

from mmf_like.checkpoint.weights import load_weights, weights_of
from mmf_like.common.errors import CheckpointError

BARE = {"weight": torch.ones(2, 3), "bias": torch.zeros(2)}


@pytest.mark.parametrize(
    "checkpoint",
    [
        BARE,
        {"state_dict": BARE, "epoch": 1},
        {"model": BARE, "num_updates": 4},
        {"model": {f"module.{k}": v for k, v in BARE.items()}},
    ],
)
def test_weights_are_found_in_every_layout(checkpoint):
    model = nn.Linear(3, 2)
    load_weights(model, weights_of(checkpoint, "a.ckpt"), "a.ckpt")
    assert torch.equal(model.weight, BARE["weight"])


def test_everything_that_does_not_fit_is_said_at_once():
    with pytest.raises(CheckpointError) as error:
        load_weights(nn.Linear(3, 4), {"weight": BARE["weight"], "extra": torch.ones(1)}, "a.ckpt")
    assert str(error.value) == (
        "The weights in a.ckpt do not fit the model 'Linear': 1 missing: bias; 1 unexpected: extra; "
        "1 of another shape: weight (2, 3) instead of (4, 3)."
    )


def test_another_models_checkpoint_is_named():
    with pytest.raises(CheckpointError, match=r"a.ckpt holds the model 'mmbt'; this run's model is 'Linear'"):
        load_weights(nn.Linear(3, 2), BARE, "a.ckpt", saved_model="mmbt")


def test_a_file_without_tensors_holds_no_weights():
    with pytest.raises(CheckpointError, match=r"a.ckpt holds no weights: none of its 1 entries is a tensor"):
        weights_of({"epoch": 1}, "a.ckpt")
