import pytest
import torch

from mmf_like.common.errors import ConfigError
from mmf_like.common.registry import registry
from mmf_like.modules.metrics import SplitMetrics


def batch(targets, dataset="vqa2"):
    fields = {"dataset_name": dataset}
    return fields if targets is None else {**fields, "targets": torch.tensor(targets)}


def scores(*chosen):
    return {"scores": torch.eye(3)[list(chosen)]}


def test_splits_and_datasets_are_kept_apart():
    metrics = SplitMetrics(["accuracy"])
    metrics.update("val", batch([0, 1]), scores(0, 2))
    metrics.update("val", batch([0, 1]), scores(0, 1))
    metrics.update("val", batch([2], "a.b"), scores(2))
    metrics.update("test", batch([0]), scores(1))
    assert metrics.compute("val") == {
        "val/vqa2/accuracy": torch.tensor([0.75]),
        "val/a.b/accuracy": torch.tensor([1.0]),
    }
    assert metrics.compute("test") == {"test/vqa2/accuracy": torch.tensor([0.0])}
    assert metrics.compute("train") == {}


def test_reset_forgets_one_split_or_all():
    metrics = SplitMetrics(["accuracy"])
    for split in ("val", "test"):
        metrics.update(split, batch([0]), scores(0))
        metrics.update_losses(split, {f"{split}/vqa2/logit_bce": torch.tensor([1.0])}, 1)
    metrics.reset("val")
    assert metrics.compute("val") == {}
    assert len(metrics.compute("test")) == 3
    metrics.reset()
    assert metrics.compute("test") == {}


def test_losses_are_weighted_by_batch_size():
    metrics = SplitMetrics()
    metrics.update_losses("val", {"val/vqa2/a": torch.tensor([1.0]), "val/vqa2/b": torch.tensor([2.0, 4.0])}, 1)
    metrics.update_losses("val", {"val/vqa2/a": torch.tensor([5.0]), "val/vqa2/b": torch.tensor([3.0])}, 3)
    assert metrics.compute("val") == {
        "val/vqa2/a": torch.tensor([4.0]),
        "val/total_loss": torch.tensor([7.0]),
        "val/vqa2/b": torch.tensor([3.0]),
    }


def test_keys_children_params_and_datasets():
    metrics = SplitMetrics(
        [{"type": "accuracy", "key": "top2", "params": {"topk": 2}, "datasets": ["vqa2"]}, "vqa_accuracy"]
    )
    assert metrics.keys("vqa2") == ["vqa2/top2", "vqa2/vqa_accuracy"]
    assert metrics.keys("coco") == ["coco/vqa_accuracy"]


def test_a_batch_without_targets_is_passed_over():
    metrics = SplitMetrics(["accuracy"])
    metrics.update("test", batch(None), scores(0))
    assert metrics.compute("test") == {}


def test_states_are_not_saved_but_move():
    metrics = SplitMetrics(["accuracy"])
    metrics.update("val", batch([0]), scores(0))
    assert metrics.state_dict() == {}
    metrics.to("meta")
    (accuracy,) = metrics.metrics["%val"]["%vqa2"].values()
    assert accuracy.correct.device.type == "meta"


@pytest.mark.parametrize(
    ("configs", "selected", "expected"),
    [
        ([], None, ("total_loss", "min")),
        (["accuracy"], None, ("accuracy", "max")),
        (["accuracy"], "total_loss", ("total_loss", "min")),
        (["accuracy"], "val/vqa2/accuracy", ("val/vqa2/accuracy", "max")),
        ([{"type": "accuracy", "key": "acc"}], "vqa2/acc/child", ("vqa2/acc/child", "max")),
        ([], "vqa2/logit_bce", ("vqa2/logit_bce", "min")),
    ],
)
def test_main_metric_and_its_direction(configs, selected, expected):
    assert SplitMetrics(configs).main_metric(selected) == expected


def test_unknown_main_metric_is_named():
    with pytest.raises(ConfigError) as error:
        SplitMetrics(["vqa_accuracy"]).main_metric("vqa_acuracy")
    assert str(error.value) == (
        "'vqa_acuracy' is neither a metric of evaluation.metrics nor a loss. Did you mean 'vqa_accuracy'? "
        "Known: vqa_accuracy, total_loss."
    )


def test_all_wrong_entries_are_told_at_once():
    with pytest.raises(ConfigError) as error:
        SplitMetrics([3, {"key": "x"}, "acuracy", "accuracy", {"type": "accuracy"}])
    assert str(error.value).split("\n") == [
        "An entry of evaluation.metrics must be a name or a section with type, but is 3.",
        "An entry of evaluation.metrics needs a type, but is {'key': 'x'}.",
        registry.unknown("metric", "acuracy"),
        "evaluation.metrics names 'accuracy' twice. Give one of them another key: {type: accuracy, key: ...}.",
    ]


def test_unknown_split_is_named():
    with pytest.raises(ConfigError) as error:
        SplitMetrics().compute("valid")
    assert str(error.value) == "There is no split 'valid' of metrics. Known: train, val, test."
