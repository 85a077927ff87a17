import pytest
import torch

from mmf_like.common.errors import BatchError, ConfigError
from mmf_like.common.registry import registry
from mmf_like.modules.metrics import BaseMetric
from tests.modules.reference import TOLERANCE, case_id, good

CORRECTED = {
    "accuracy/column": 3 / 12,  # MMF compares every prediction with every target of a column
    "accuracy/topk_multi_hot": None,  # MMF compares ranks
    "vqa_accuracy/underflow": None,  # MMF chooses the unknown answer where the softmax of the others is zero
}
CASES = good("metrics_foundation.pt", but=CORRECTED)


def pieces(fields, size):
    length = len(next(iter(fields.values())))
    return [{k: v[i : i + size] for k, v in fields.items()} for i in range(0, length, size)]


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_metric_is_that_of_mmf(case):
    metric = registry.find("metric", case["key"])(**case["params"])
    torch.testing.assert_close(metric(case["sample_list"], case["model_output"]), case["expected"], **TOLERANCE)
    torch.testing.assert_close(
        metric.calculate(case["sample_list"], case["model_output"]), case["expected"], **TOLERANCE
    )


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_metric_of_batches_is_that_of_the_whole(case):
    metric = registry.find("metric", case["key"])(**case["params"])
    for batch, output in zip(pieces(case["sample_list"], 5), pieces(case["model_output"], 5)):
        metric.update(batch, output)
    torch.testing.assert_close(metric.compute(), case["expected"], **TOLERANCE)


def test_a_column_of_targets_is_a_row():
    scores = torch.eye(3)
    accuracy = registry.find("metric", "accuracy")()
    assert accuracy({"targets": torch.tensor([[0], [1], [0]])}, {"scores": scores}) == pytest.approx(2 / 3)


def test_topk_looks_for_the_target_among_the_best():
    scores = torch.tensor([[3.0, 2, 1], [1, 2, 3], [2, 3, 1]])
    accuracy = registry.find("metric", "accuracy")(topk=2)
    assert accuracy({"targets": torch.tensor([1, 0, 2])}, {"scores": scores}) == pytest.approx(1 / 3)
    many = torch.tensor([[0.0, 0, 1], [1, 1, 0], [1, 0, 1]])
    assert accuracy({"targets": many}, {"scores": scores}) == pytest.approx(2 / 3)


def test_vqa_accuracy_never_chooses_the_unknown_answer():
    scores = torch.tensor([[1e4, -1e4, 0.0]])
    metric = registry.find("metric", "vqa_accuracy")()
    assert metric({"targets": torch.tensor([[1.0, 0.3, 0.6]])}, {"scores": scores}) == pytest.approx(0.6)


def test_scores_of_three_dimensions_are_refused():
    with pytest.raises(BatchError) as error:
        registry.find("metric", "accuracy")()({"targets": torch.zeros(2)}, {"scores": torch.zeros(2, 3, 4)})
    assert str(error.value) == (
        "`scores` must have shape (batch, classes) or (batch,) for accuracy, but has shape (2, 3, 4)."
    )


def test_topk_must_be_positive():
    with pytest.raises(ConfigError) as error:
        registry.find("metric", "accuracy")(topk=0)
    assert str(error.value) == "accuracy: topk must be at least 1, but is 0."


class LegacySpread(BaseMetric):
    """Written as MMF's users write metrics."""

    def __init__(self, scale=1.0):
        super().__init__("spread")
        self.required_params = ["scores", "targets", "weights"]
        self.scale = scale

    def calculate(self, sample_list, model_output, *args, **kwargs):
        spread = model_output["scores"].max() - sample_list.targets.min()
        return {"spread": spread * self.scale, "rows": len(sample_list["weights"])}


def test_a_metric_with_calculate_alone_sees_the_whole_split():
    metric = LegacySpread(scale=2.0)
    for scores in ([1.0, 5.0], [2.0, 9.0]):
        metric.update({"targets": torch.tensor(scores), "weights": ["a", "b"]}, {"scores": torch.tensor(scores)})
    assert metric.compute() == {"spread": torch.tensor(16.0), "rows": 4}
    metric.reset()
    metric.update({"targets": torch.tensor([1.0]), "weights": ["a"]}, {"scores": torch.tensor([1.0])})
    assert metric.compute() == {"spread": torch.tensor(0.0), "rows": 1}
    assert metric.state_dict() == {}


def test_a_missing_field_is_named():
    with pytest.raises(BatchError) as error:
        LegacySpread().update({"targets": torch.zeros(1)}, {"scores": torch.zeros(1)})
    assert str(error.value) == "Metric 'spread' reads 'weights', but the output has scores and the batch has targets."


def test_a_metric_without_calculate_and_update_says_what_to_write():
    with pytest.raises(NotImplementedError) as error:
        BaseMetric("empty")({}, {})
    assert str(error.value) == "BaseMetric must override calculate, or update and compute."
