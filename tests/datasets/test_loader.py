"""The resumable loader: same batches whatever the workers, from any batch on."""

import random

import numpy as np
import pytest
import torch

from mmf_like.common.batch_collator import BatchCollator
from mmf_like.common.sample import Sample
from mmf_like.datasets.loader import BatchSource, ResumableLoader
from mmf_like.datasets.plan import EvalPlan
from tests.datasets.test_plan import make_plan


class Noisy:
    """Ten samples, each with draws from the three generators that augmentations use."""

    def __len__(self):
        return 10

    def __getitem__(self, index):
        noise = torch.tensor([torch.rand(()).item(), random.random(), np.random.rand()])
        return Sample({"x": torch.tensor([float(index)]), "noise": noise})


def loader(plan, **options):
    return ResumableLoader(plan, BatchSource([Noisy()], [BatchCollator("d0", "train")], seed=5), **options)


def rows(batches):
    return [torch.cat([b["x"], b["noise"]], 1) for b in batches]


@pytest.fixture(scope="module")
def straight():
    return rows(loader(make_plan(), stop=7))


@pytest.mark.parametrize("num_workers", [0, 1, 2])
@pytest.mark.parametrize("start", [0, 2, 3, 5])
def test_batches_do_not_depend_on_workers_or_where_one_starts(straight, num_workers, start):
    got = rows(loader(make_plan(), start=start, stop=7, num_workers=num_workers))
    assert len(got) == 7 - start
    assert all(torch.equal(a, b) for a, b in zip(got, straight[start:]))


def test_noise_differs_between_samples_and_passes(straight):
    everything = torch.cat(straight)
    assert len(torch.unique(everything[:, 1])) == len(everything)


def test_loading_in_this_process_leaves_its_generators_alone():
    torch.manual_seed(1)
    random.seed(1)
    np.random.seed(1)
    expected = torch.rand(()), random.random(), np.random.rand()
    torch.manual_seed(1)
    random.seed(1)
    np.random.seed(1)
    list(loader(make_plan(), stop=3))
    assert (torch.rand(()), random.random(), np.random.rand()) == expected


def test_position_counts_batches_handed_out_and_restores():
    first = loader(make_plan(), stop=7)
    batches = iter(first)
    for _ in range(4):
        next(batches)
    state = first.state_dict()
    assert state == {"position": 4}
    second = loader(make_plan(), stop=7)
    second.load_state_dict(state)
    assert len(second) == 3
    assert torch.equal(next(iter(second))["x"], next(batches)["x"])


def test_an_unequal_share_carries_its_weight():
    first, second = (list(loader(make_plan((7,), 4, rank=r, world_size=2), stop=2, world_size=2)) for r in (0, 1))
    assert "shard_weight" not in first[0]
    assert first[1]["shard_weight"] == pytest.approx(2 * 2 / 3)
    assert second[1]["shard_weight"] == pytest.approx(1 * 2 / 3)


def test_evaluation_is_iterable_again_and_again():
    evaluation = loader(EvalPlan(["d0"], [10], 4))
    for _ in range(2):
        assert [len(b["x"]) for b in evaluation] == [4, 4, 2]
