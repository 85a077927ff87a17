"""Whose turn it is: what the strategies refuse. Their schedules are tested with the plan."""

import pytest
import torch

from mmf_like.common.errors import ConfigError
from mmf_like.common.registry import registry

DATASETS = "but the run's datasets are numbered 0: alpha, 1: beta."


def schedule(name, **params):
    strategy = registry.find("iteration_strategy", name)(params, {"alpha": 6, "beta": 4}, [3, 2])
    return strategy.schedule(torch.Generator().manual_seed(0)).tolist()


@pytest.mark.parametrize(
    ("name", "params", "text"),
    [
        ("constant", {"idx": 2}, f"multitasking.params.idx is 2, {DATASETS}"),
        ("constant", {"idx": -1}, f"multitasking.params.idx is -1, {DATASETS}"),
        ("round_robin", {"start_idx": 5}, f"multitasking.params.start_idx is 5, {DATASETS}"),
        (
            "ratios",
            {"sampling_ratios": {"alpha": 0, "beta": 0}},
            "multitasking.params.sampling_ratios must be at least 0 and not all 0, but are: alpha: 0, beta: 0.",
        ),
        (
            "ratios",
            {"sampling_ratios": {"beta": 1.5, "alpha": -1}},
            "multitasking.params.sampling_ratios must be at least 0 and not all 0, but are: alpha: -1, beta: 1.5.",
        ),
        (
            "ratios",
            {"sampling_ratios": {"alpha": 1, "beta": 1, "bata": 1}},
            "multitasking.params.sampling_ratios names 'bata', which is not among the run's datasets (alpha, beta)."
            " Did you mean 'beta'?",
        ),
    ],
)
def test_params_that_choose_no_dataset_are_refused(name, params, text):
    with pytest.raises(ConfigError) as error:
        schedule(name, **params)
    assert str(error.value) == text


def test_a_dataset_of_ratio_zero_has_no_turn():
    assert schedule("ratios", sampling_ratios={"alpha": 0, "beta": 2}) == [1] * 5
    assert schedule("constant", idx=1) == [1, 1]
    assert schedule("round_robin", start_idx=1) == [1, 0, 1, 0, 1]
