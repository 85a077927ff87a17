import math

import pytest
import torch

from mmf_like.trainers.loss_window import LossWindow


def window(*rows):
    made = LossWindow()
    for row in rows:
        made.append({key: torch.tensor([value]) for key, value in row.items()})
    return made


def test_median_mean_and_total():
    summary = window({"a": 1.0, "b": 1.0}, {"a": 2.0, "b": 1.0}, {"a": 6.0, "b": 1.0}).summary()
    assert summary == {
        "a": 2.0,
        "a/avg": 3.0,
        "b": 1.0,
        "b/avg": 1.0,
        "train/total_loss": 3.0,
        "train/total_loss/avg": 4.0,
    }


def test_losses_that_are_not_in_every_batch_count_where_they_are():
    summary = window({"a": 1.0}, {"b": 5.0}).summary()
    assert (summary["a/avg"], summary["b/avg"], summary["train/total_loss/avg"]) == (1.0, 5.0, 3.0)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_the_first_batch_that_is_not_finite(bad):
    assert window({"a": 1.0}, {"a": bad}, {"a": bad}).first_not_finite() == 1
    assert window({"a": 1.0}).first_not_finite() is None


def test_an_empty_window():
    empty = window()
    assert (empty.summary(), empty.first_not_finite(), len(empty)) == ({}, None, 0)
    assert math.isnan(empty.last_total())


def test_nothing_of_the_graph_is_kept():
    made = LossWindow()
    made.append({"a": torch.ones(1, requires_grad=True) * 2})
    assert not made.state_dict()[0]["a"].requires_grad


def test_it_travels_in_a_checkpoint():
    made, other = window({"a": 1.0}, {"a": 3.0}), LossWindow()
    other.load_state_dict(made.state_dict(), torch.device("cpu"))
    assert other.summary() == made.summary() and other.last_total() == 3.0
    made.clear()
    assert (len(made), len(other)) == (0, 2)
