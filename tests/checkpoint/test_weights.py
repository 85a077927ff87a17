"""Weights by name, and one clear error when they do not fit."""

import pytest
import torch
from torch import nn

from mmf_like.checkpoint.weights import load_selected, load_weights, weights_of
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


def test_a_mapping_of_prefixes_takes_only_what_it_pairs():
    model = nn.ModuleDict({"text": nn.Linear(3, 2), "head": nn.Linear(3, 2)})
    before = model["head"].weight.clone()
    given = {"old.encoder.weight": BARE["weight"], "old.encoder.bias": BARE["bias"], "old.head.weight": BARE["weight"]}
    left_out = load_selected(model, given, {"text": "old.encoder"}, "a.ckpt", skip_misshapen=False)
    assert left_out == []
    assert torch.equal(model["text"].weight, BARE["weight"])
    assert torch.equal(model["head"].weight, before)


def test_weights_of_another_shape_are_left_out_only_when_asked():
    model = nn.ModuleDict({"text": nn.Linear(3, 4)})
    given = {"text.weight": BARE["weight"], "text.bias": torch.ones(4)}
    with pytest.raises(CheckpointError, match=r"for example text.weight \(2, 3\) instead of \(4, 3\)"):
        load_selected(model, given, {"text": "text"}, "a.ckpt", skip_misshapen=False)
    assert load_selected(model, given, {"text": "text"}, "a.ckpt", skip_misshapen=True) == ["text.weight"]
    assert torch.equal(model["text"].bias, torch.ones(4))


def test_a_mapping_that_fits_nothing_is_an_error():
    with pytest.raises(CheckpointError, match=r"pairs 'text' with 'none', but no parameter of the model fits"):
        load_selected(nn.ModuleDict({"text": nn.Linear(3, 2)}), BARE, {"text": "none"}, "a.ckpt", skip_misshapen=False)
