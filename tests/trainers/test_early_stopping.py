import math

import pytest

from mmf_like.common.errors import ConfigError
from mmf_like.trainers.early_stopping import EarlyStopping
from mmf_like.trainers.state import TrainState


def early(**config):
    return EarlyStopping(config, TrainState())


def test_less_is_better_by_default():
    stopping = early(criteria="total_loss")
    seen = [
        stopping.observe({"val/total_loss": value}, update) for update, value in enumerate([3.0, 2.0, 2.0, 4.0, 1.0])
    ]
    assert seen == [True, True, False, False, True]
    assert (stopping.state.best_value, stopping.state.best_update) == (1.0, 4)
    assert stopping.state.best_results == {"val/total_loss": 1.0}


def test_more_is_better_where_asked():
    stopping = early(criteria="d/accuracy", minimize=False)
    assert [stopping.observe({"val/d/accuracy": value}, 1) for value in (0.5, 0.4, 0.6)] == [True, False, True]


def test_the_split_in_front_of_the_criterion_makes_no_difference():
    assert early(criteria="val/d/accuracy").key == early(criteria="d/accuracy").key == "val/d/accuracy"


def test_no_number_is_never_the_best():
    assert early().observe({"val/total_loss": math.nan}, 1) is False


def test_a_criterion_that_is_missing_from_a_validation_is_an_error():
    with pytest.raises(ConfigError, match=r"criteria is 'd/f1', but validation gives: total_loss, d/f1/macro"):
        early(criteria="d/f1").observe({"val/total_loss": 1.0, "val/d/f1/macro": 0.5}, 1)


def test_a_part_of_a_metric_is_known_by_the_metric():
    early(criteria="d/f1/macro").check(["total_loss", "d/f1"])


def test_the_metric_says_what_is_better_where_the_config_does_not():
    stopping = EarlyStopping({"criteria": "d/accuracy", "minimize": None}, TrainState(), lambda name: "max")
    assert [stopping.observe({"val/d/accuracy": value}, 1) for value in (0.5, 0.4, 0.6)] == [True, False, True]


def test_another_criterion_than_the_stored_one_begins_anew():
    stopping = early(criteria="d/accuracy", minimize=False)
    stopping.state.best_key, stopping.state.best_value = "val/total_loss", 2.0
    assert stopping.observe({"val/d/accuracy": 0.1}, 1) is True


def test_patience_counts_updates_since_the_best():
    stopping = early(enabled=True, patience=10)
    stopping.observe({"val/total_loss": 1.0}, 5)

    def is_over(update, validated=True):
        stopping.state.last_validated = update if validated else 5
        return stopping.is_over(update)

    assert [is_over(update) for update in (5, 14, 15)] == [False, False, True]
    assert not is_over(15, validated=False)  # a run that is resumed there has its validation before it


def test_not_enabled_it_never_stops():
    assert not early(enabled=False, patience=1).is_over(1000)


def test_a_criterion_that_no_validation_gives():
    with pytest.raises(ConfigError) as error:
        early(criteria="d/acuracy").check(["total_loss", "d/accuracy"])
    assert str(error.value) == (
        "training.early_stop.criteria is 'd/acuracy', but validation gives: total_loss, d/accuracy. "
        "Did you mean 'd/accuracy'?"
    )
    early(criteria="d/accuracy").check(["total_loss", "d/accuracy"])
