import pytest
import torch

from mmf_like.common.errors import ConfigError
from mmf_like.modules.schedulers import build_scheduler
from tests.modules.reference import case_id, good


def sgd(base_lrs=(0.1,)):
    return torch.optim.SGD([{"params": [torch.zeros(1, requires_grad=True)], "lr": lr} for lr in base_lrs])


@pytest.mark.parametrize("case", good("optim_foundation.pt", kind="scheduler"), ids=case_id)
def test_schedule_gives_the_rates_of_mmf(case):
    optimizer = sgd(case["base_lrs"])
    config = {"type": case["key"], "params": case["params"]}
    scheduler = build_scheduler(optimizer, config, case.get("training_config"))
    for rates in case["lr_at_step"]:
        assert [group["lr"] for group in optimizer.param_groups] == pytest.approx(rates, abs=1e-9)
        optimizer.step()
        scheduler.step()


def test_without_a_type_the_schedule_is_pythia():
    optimizer = sgd()
    build_scheduler(optimizer, None, {"use_warmup": True, "warmup_factor": 0.5, "max_updates": 10})
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.05)


def test_warmup_schedules_end_with_the_training():
    optimizer = sgd()
    scheduler = build_scheduler(optimizer, {"type": "warmup_linear"}, {"max_updates": 4})
    optimizer.step()
    scheduler.step()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.075)


def test_schedules_of_torch_go_by_their_class_name():
    config = {"type": "StepLR", "params": {"step_size": 3}}
    assert isinstance(build_scheduler(sgd(), config), torch.optim.lr_scheduler.StepLR)


@pytest.mark.parametrize(
    ("config", "text"),
    [
        (
            {"type": "warmup_linaer"},
            "scheduler.type 'warmup_linaer' is neither registered nor a class of torch.optim.lr_scheduler. "
            "Did you mean 'warmup_linear'? (mmf_list schedulers)",
        ),
        (
            {
                "type": "multi_step",
                "params": {"use_warmup": True, "warmup_iterations": 7, "lr_steps": [7], "lr_ratio": 0.1},
            },
            "scheduler.params.warmup_iterations (7) must be less than the first of lr_steps (7).",
        ),
    ],
)
def test_a_wrong_scheduler_section_is_named(config, text):
    with pytest.raises(ConfigError) as error:
        build_scheduler(sgd(), config)
    assert str(error.value) == text
