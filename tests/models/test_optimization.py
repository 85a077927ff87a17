"""Which parameters go into which group."""

import pytest
import torch
from torch import nn

from mmf_like.common.errors import ConfigError
from mmf_like.models.base_model import BaseModel
from mmf_like.models.optimization import Optimization, build_optimization, parameter_groups


class Small(BaseModel):
    def __init__(self):
        super().__init__({})
        self.first, self.norm, self.frozen = nn.Linear(2, 3), nn.LayerNorm(3), nn.Linear(3, 1)
        self.frozen.requires_grad_(False)


def names(model, groups):
    known = {id(p): name for name, p in model.named_parameters()}
    return [[known[id(p)] for p in group["params"]] for group in groups]


def test_one_group_of_all_that_trains():
    model = Small()
    assert names(model, parameter_groups(model, Optimization())) == [
        ["first.weight", "first.bias", "norm.weight", "norm.bias"]
    ]


def test_no_decay_of_biases_and_norms_where_a_model_asks():
    model = Small()
    model.no_decay_on_bias_and_norm = True
    groups = parameter_groups(model, Optimization())
    assert names(model, groups) == [["first.weight"], ["first.bias", "norm.weight", "norm.bias"]]
    assert "weight_decay" not in groups[0] and groups[1]["weight_decay"] == 0.0


def own(*groups):
    class Own(Small):
        def get_optimizer_parameters(self, config):
            return [group(self) if callable(group) else group for group in groups]

    return Own()


def test_groups_of_a_model_keep_their_settings():
    model = own(lambda m: {"params": m.first.parameters(), "lr": 0.5}, lambda m: {"params": list(m.norm.parameters())})
    groups = parameter_groups(model, Optimization())
    assert names(model, groups) == [["first.weight", "first.bias"], ["norm.weight", "norm.bias"]]
    assert groups[0]["lr"] == 0.5


def test_neighbouring_groups_with_the_same_settings_are_one():
    model = own(*(lambda m, n=name: dict(m.named_parameters())[n]
                  for name in ("first.weight", "first.bias", "norm.weight", "norm.bias")))  # fmt: skip
    assert [len(group) for group in names(model, parameter_groups(model, Optimization()))] == [4]


def test_what_is_left_out_is_named():
    model = own(lambda m: {"params": [m.first.weight]})
    with pytest.raises(ConfigError) as error:
        parameter_groups(model, Optimization())
    assert str(error.value) == (
        "Own.get_optimizer_parameters leaves out 3 trainable parameters: first.bias, norm.weight, norm.bias. "
        "Add them, freeze them, or set optimizer.allow_unused_parameters=true."
    )
    assert names(model, parameter_groups(model, Optimization(allow_unused_parameters=True))) == [["first.weight"]]


def test_a_schedule_is_stepped_once_an_update():
    settings = Optimization({"type": "SGD", "params": {"lr": 1.0}}, {"type": "warmup_linear",
                            "params": {"num_training_steps": 4}})  # fmt: skip
    made = build_optimization(Small(), settings)
    assert isinstance(made["optimizer"], torch.optim.SGD)
    assert made["lr_scheduler"]["interval"] == "step"


def test_without_a_schedule_the_optimizer_alone():
    assert isinstance(build_optimization(Small(), Optimization()), torch.optim.Optimizer)
