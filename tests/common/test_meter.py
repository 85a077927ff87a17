import math

import pytest
import torch

from mmf_like.common.meter import Meter, SmoothedValue
from mmf_like.common.report import Report
from tests.reference_cases import cases

CORE = cases("core.pt", "meter")


@pytest.mark.parametrize("window", [20, 3])
def test_smoothed_values_are_upstreams(window):
    case = CORE[f"smoothed_value/{window}"]
    value = SmoothedValue(window)
    for (number, size), expected in zip(case["input"]["updates"], case["output"]):
        value.update(number, size)
        got = {
            "median": value.median,
            "avg": value.avg,
            "global_avg": value.global_avg,
            "latest": value.get_latest(),
        }
        assert got == pytest.approx(expected, rel=1e-7)


def test_an_empty_smoothed_value():
    assert math.isnan(SmoothedValue().median)
    with pytest.raises(ZeroDivisionError):
        SmoothedValue().global_avg  # noqa: B018
    with pytest.raises(IndexError):
        SmoothedValue().get_latest()


def reports(case):
    for given in case["context"]["reports"]:
        made = Report({"dataset_type": given["dataset_type"]})
        made.losses = {key: torch.tensor(value) for key, value in given["losses"].items()}
        made.metrics = {key: torch.tensor(value) for key, value in given["metrics"].items()}
        made.batch_size = given["batch_size"]
        yield made


@pytest.mark.parametrize("name", ["train", "val", "no_loss"])
def test_log_lines_are_upstreams(name):
    case = CORE[f"meter/{name}"]
    meter = Meter()
    for report, expected in zip(reports(case), case["output"]["steps"]):
        meter.update_from_report(report, should_update_loss=case["context"]["should_update_loss"])
        assert meter.get_scalar_dict() == pytest.approx(expected["scalar"])
        assert list(meter.get_scalar_dict()) == list(expected["scalar"])
        assert meter.get_log_dict() == expected["log"]
        assert str(meter) == expected["str"]


def test_a_value_is_an_attribute():
    meter = Meter()
    meter.update({"loss": torch.tensor(2.0)}, batch_size=2)
    other = Meter()
    other.update_from_meter(meter)
    assert other.loss.get_latest() == 2
    with pytest.raises(AttributeError) as error:
        meter.los  # noqa: B018
    assert str(error.value) == "The Meter has no 'los'. It has loss."
    meter.reset()
    assert meter.loss.count == 0


def test_values_are_reduced_before_they_are_kept():
    meter = Meter(reduce=lambda values: {key: value / 2 for key, value in values.items()})
    meter.update_from_report(Report({"dataset_type": "val", "losses": {"a": torch.tensor([4.0])}, "x": torch.ones(2)}))
    assert meter.get_scalar_dict() == {"a": 2.0, "val/total_loss": 2.0}
