"""Which samples make batch k."""

import pytest
import torch

from mmf_like.common.errors import ConfigError, DataError
from mmf_like.common.registry import registry
from mmf_like.datasets.plan import EvalPlan, TrainPlan, batches_per_pass, derived_seed


def make_plan(sizes=(10,), batch_size=4, *, seed=3, kind="constant", params=None, **ranks):
    names = [f"d{i}" for i in range(len(sizes))]
    strategy = registry.find("iteration_strategy", kind)(
        params, dict(zip(names, sizes)), batches_per_pass(sizes, batch_size, ranks.get("world_size", 1))
    )
    return TrainPlan(names, sizes, batch_size, seed=seed, strategy=strategy, **ranks)


def test_one_pass_sees_every_sample_once():
    plan = make_plan()
    assert plan.epoch_length == 3
    for epoch in range(3):
        seen = [i for k in range(3) for i in plan(epoch * 3 + k).indices]
        assert sorted(seen) == list(range(10))


def test_passes_differ_and_seeds_differ():
    plan, other = make_plan(), make_plan(seed=4)
    assert plan(0).indices != plan(3).indices
    assert plan(0).indices != other(0).indices


def test_batch_k_does_not_depend_on_what_was_asked_before():
    walked = make_plan((10, 7), kind="random")
    for k in range(200):
        walked(k)
    fresh = make_plan((10, 7), kind="random")
    assert [fresh(k) for k in (199, 3, 77)] == [walked(k) for k in (199, 3, 77)]


def test_the_sample_order_is_the_same_on_every_platform():
    assert derived_seed(1, "order", "d0", 0) == 8593540864036576651
    assert make_plan()(0).indices == tuple(
        torch.randperm(10, generator=torch.Generator().manual_seed(derived_seed(3, "order", "d0", 0)))[:4].tolist()
    )


def test_ranks_share_each_batch_without_overlap():
    whole = make_plan((11,), 4)
    ranks = [make_plan((11,), 4, rank=r, world_size=2) for r in range(2)]
    for k in range(6):
        parts = [rank(k) for rank in ranks]
        assert sorted(parts[0].indices + parts[1].indices) == sorted(whole(k).indices)
        assert {part.global_size for part in parts} == {len(whole(k).indices)}


def test_a_last_batch_too_small_for_the_ranks_is_left_out():
    assert make_plan((9,), 4).epoch_length == 3
    assert make_plan((9,), 4, world_size=2).epoch_length == 2


@pytest.mark.parametrize("kind", ["size_proportional", "round_robin", "random"])
def test_every_strategy_gives_each_dataset_its_own_passes(kind):
    plan = make_plan((8, 12), 4, kind=kind)
    seen = {0: [], 1: []}
    for k in range(10 * plan.epoch_length):
        spec = plan(k)
        seen[spec.dataset].append((spec.epoch, spec.indices))
    for dataset, size in ((0, 8), (1, 12)):
        first_pass = [i for epoch, indices in seen[dataset] if epoch == 0 for i in indices]
        assert sorted(first_pass) == list(range(size))


def test_size_proportional_exhausts_all_in_an_epoch():
    plan = make_plan((8, 12), 4, kind="size_proportional")
    turns = [plan(k).dataset for k in range(plan.epoch_length)]
    assert sorted(turns) == [0, 0, 1, 1, 1]


def test_ratios_follow_the_names_not_the_order():
    params = {"sampling_ratios": {"d1": 1.0, "d0": 0.0}}
    plan = make_plan((8, 12), 4, kind="ratios", params=params)
    assert {plan(k).dataset for k in range(20)} == {1}


def test_ratios_must_name_every_dataset():
    with pytest.raises(ConfigError, match="must name every dataset; missing: d1"):
        make_plan((8, 12), 4, kind="ratios", params={"sampling_ratios": {"d0": 1.0}})


def test_evaluation_sees_every_sample_once_in_order_on_any_number_of_ranks():
    plans = [EvalPlan(["a", "b"], [5, 3], 4, rank=r, world_size=2) for r in range(2)]
    seen = {0: [], 1: []}
    for plan in plans:
        for k in range(plan.epoch_length):
            seen[plan(k).dataset] += plan(k).indices
    assert sorted(seen[0]) == list(range(5)) and sorted(seen[1]) == list(range(3))
    alone = EvalPlan(["a"], [5], 4)
    assert [alone(k).indices for k in range(2)] == [(0, 1, 2, 3), (4,)]


def test_a_batch_size_the_ranks_cannot_share_is_refused():
    with pytest.raises(ConfigError) as error:
        make_plan((10,), 5, world_size=2)
    assert str(error.value) == (
        "training.batch_size is 5, which 2 ranks cannot share equally. "
        "Use a multiple of 2, for example 4, or set training.batch_size_per_device."
    )


def test_a_split_smaller_than_the_ranks_is_refused():
    with pytest.raises(DataError, match="A train split of 1 samples cannot give 2 ranks one sample each"):
        make_plan((1,), 2, world_size=2)
