import pytest
import torch

from mmf_like.common.errors import ConfigError
from mmf_like.modules.optimizers import build_optimizer
from tests.modules.reference import case_id, good


@pytest.mark.parametrize("case", good("optim_foundation.pt", kind="optimizer"), ids=case_id)
def test_optimizer_takes_the_steps_of_mmf(case):
    params = [p.clone().requires_grad_() for p in case["initial"]]
    groups = params
    if case.get("groups"):
        groups = [
            {"params": [params[i] for i in group["indices"]], **{k: v for k, v in group.items() if k != "indices"}}
            for group in case["groups"]
        ]
    optimizer = build_optimizer(groups, {"type": case["key"], "params": case["params"]})
    for grads, after in zip(case["grads"], case["after_step"]):
        for p, grad in zip(params, grads):
            p.grad = None if grad is None else grad.clone()
        optimizer.step()
        torch.testing.assert_close([p.detach() for p in params], after, rtol=1e-5, atol=1e-6)
    state = optimizer.state_dict()["state"]
    for index, held in case["state"].items():
        for name, value in held.items():
            torch.testing.assert_close(
                torch.as_tensor(state[int(index)][name], dtype=torch.float),
                torch.as_tensor(value, dtype=torch.float),
                rtol=1e-5,
                atol=1e-6,
            )


def test_state_of_an_old_checkpoint_continues():
    p = torch.ones(3, requires_grad=True)
    optimizer = build_optimizer([p], {"type": "adam_w", "params": {"lr": 0.1}})
    held = {"step": 4, "exp_avg": torch.ones(3), "exp_avg_sq": torch.ones(3)}
    optimizer.load_state_dict({"state": {0: held}, "param_groups": optimizer.state_dict()["param_groups"]})
    p.grad = torch.ones(3)
    optimizer.step()
    assert optimizer.state[p]["step"] == 5


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({}, "optimizer.type is missing, for example adam_w."),
        (
            {"type": "adamw"},
            "optimizer.type 'adamw' is neither a class of torch.optim nor registered. "
            "Did you mean 'adam_w'? (mmf_list optimizers)",
        ),
        ({"type": "adam_w", "params": {"lr": -1}}, "optimizer.params.lr must be at least 0, but is -1."),
        (
            {"type": "SGD", "params": {"learning_rate": 1}},
            "optimizer.params do not fit SGD: SGD.__init__() got an unexpected keyword argument 'learning_rate'.",
        ),
    ],
)
def test_a_wrong_optimizer_section_is_named(config, text):
    with pytest.raises(ConfigError) as error:
        build_optimizer([torch.zeros(1, requires_grad=True)], config)
    assert str(error.value) == text
