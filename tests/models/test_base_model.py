"""A batch's way through a model: step, gather, step_end, epoch_end."""

import logging
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from mmf_like.common.data_info import DataInfo
from mmf_like.common.errors import BatchError, ConfigError
from mmf_like.common.registry import registry
from mmf_like.common.sample import SampleList
from mmf_like.models.base_model import BaseModel, is_internal
from mmf_like.models.build import build_model
from mmf_like.modules.losses import Losses
from mmf_like.modules.metrics import SplitMetrics


class Echo(BaseModel):
    """Its scores are the batch's `x`, times a weight that starts at one."""

    def build(self):
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, sample_list):
        return {"scores": sample_list["x"] * self.weight}


def echo(metrics=("accuracy",), cls=Echo):
    model = cls({"losses": ["cross_entropy"]})
    model.build()
    model.init_losses()
    model.metrics = SplitMetrics(list(metrics))
    return model


def batch(right, wrong, split="val"):
    """`right` samples whose highest score is that of their class, then `wrong` others."""
    targets = torch.tensor([0] * right + [1] * wrong)
    scores = torch.tensor([[1.0, 0.0]] * (right + wrong))
    return SampleList({"x": scores, "targets": targets, "dataset_name": "d", "dataset_type": split})


class Counting(SplitMetrics):
    updates = 0

    def update(self, *args):
        self.updates += 1
        super().update(*args)


def test_step_touches_no_metric_and_step_end_each_once():
    model = echo()
    model.metrics = Counting(["accuracy"])
    given = batch(1, 1)
    output = model.step(given)
    assert model.metrics.updates == 0
    assert set(output) == {"scores", "losses"}
    model.step_end(output, "val", given)
    assert model.metrics.updates == 1


def test_metrics_and_losses_over_unequal_batches_count_samples_not_batches():
    model = echo()
    for given in (batch(8, 0), batch(0, 2)):
        model.validation_step(given)
    results = model.epoch_end("val")
    assert results["val/d/accuracy"] == pytest.approx(0.8)  # the mean of 1.0 and 0.0 would be 0.5
    low, high = 0.3132617, 1.3132617  # log(1 + e^-1), log(1 + e)
    assert results["val/d/cross_entropy"] == pytest.approx(0.8 * low + 0.2 * high)
    assert results["val/total_loss"] == results["val/d/cross_entropy"]


def test_the_end_of_one_split_leaves_the_others_alone():
    model = echo()
    model.validation_step(batch(1, 0))
    model.test_step(batch(0, 1, "test"))
    assert model.epoch_end("val")["val/d/accuracy"] == 1.0
    assert model.epoch_end("val") == {}
    assert model.epoch_end("test")["test/d/accuracy"] == 0.0


def test_train_metrics_are_measured_on_demand_only():
    model = echo()
    model.training_step(batch(1, 0, "train"))
    assert model.epoch_end("train") == {}
    model.measure_train = True
    model.training_step(batch(1, 0, "train"))
    assert model.epoch_end("train") == {"train/d/accuracy": 1.0}


@pytest.mark.parametrize(
    ("key", "internal"),
    [
        ("_x_", True),
        ("_answer_logits_", True),
        ("__x__", False),
        ("_x", False),
        ("x_", False),
        ("x", False),
        ("__", False),
    ],
)
def test_internal_features(key, internal):
    assert is_internal(key) is internal


def test_internal_features_go_no_further_than_step_end():
    given = batch(1, 1)
    pre = {"scores": given["x"], "_x_": 1, "__x__": 2, "_x": 3, "x_": 4}
    assert set(echo().step_end(pre, "val", given)) == {"scores", "__x__", "_x", "x_"}


def test_the_loss_is_the_sum_of_the_means_of_all_losses():
    losses = {"a": torch.tensor([1.0, 3.0]), "b": torch.tensor([0.5])}
    assert echo().step_end({"losses": losses}, "train")["loss"] == 2.5


def test_a_ranks_share_of_an_unequal_batch_is_weighted():
    given = batch(1, 1, "train")
    given["shard_weight"] = 0.5
    losses = {"a": torch.tensor([3.0])}
    assert echo().step_end({"losses": losses}, "train", given)["loss"] == 1.5


def test_a_missing_feature_is_named():
    class Needy(Echo):
        required_features = ("x", "image")

    with pytest.raises(BatchError) as error:
        echo(cls=Needy).step(batch(1, 0))
    assert str(error.value) == (
        "Needy needs the field 'image' in every batch, but the batch has: x, targets, dataset_name, dataset_type."
    )


def test_losses_of_forward_win_over_those_of_the_config():
    class OwnLosses(Echo):
        def forward(self, sample_list):
            return {**super().forward(sample_list), "losses": {"train/d/own": self.weight.view(1)}}

    assert list(echo(cls=OwnLosses)(batch(1, 0))["losses"]) == ["train/d/own"]


def test_a_pretrained_model_gives_what_forward_gives():
    model = echo()
    model.is_pretrained = True
    assert set(model(batch(1, 0))) == {"scores"}


def test_a_batch_without_targets_has_no_losses_which_is_said_once(caplog):
    said = logging.getLogger("mmf_like.modules.losses.base")
    said.addHandler(caplog.handler)  # its parents may have been set up not to pass anything on
    try:
        model = echo()
        given = batch(1, 0, "test")
        del given["targets"]
        assert "loss" not in model.test_step(given)
        model.test_step(given)
    finally:
        said.removeHandler(caplog.handler)
    assert model.epoch_end("test") == {}
    assert {record.message for record in caplog.records} == {
        "The test batches of d have no targets, so no loss is computed."
    }
    assert len(set(map(id, caplog.records))) == 1


def test_training_without_targets_is_refused():
    given = batch(1, 0, "train")
    del given["targets"]
    with pytest.raises(ConfigError, match=r"^Nothing to train on: Echo has no loss for a batch of 'd'\. "):
        echo().training_step(given)


def test_a_mapping_will_do_as_a_batch():
    assert echo().validation_step(dict(batch(1, 0)))["scores"].shape == (1, 2)


def test_log_data_logs_numbers_only(monkeypatch):
    logged = {}
    model = echo()
    monkeypatch.setattr(model, "log", lambda key, value, **options: logged.update({key: value}))
    model.log_data({"a": 1.5, "b": torch.ones(1), "c": torch.ones(2), "d": "text"}, prefix="train")
    assert set(logged) == {"train/a", "train/b"}


def test_a_checkpoint_holds_plain_containers(tmp_path):
    model = echo()
    model.data_info = DataInfo("d", num_answers=2, answers=("a", "b"))
    checkpoint = {"state_dict": model.state_dict()}
    model.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, tmp_path / "c.ckpt")
    loaded = torch.load(tmp_path / "c.ckpt", weights_only=True)
    assert DataInfo.from_dict(loaded["data_info"]) == model.data_info


def test_old_keys_load_under_their_new_names():
    class Renamed(Echo):
        @classmethod
        def format_state_key(cls, key):
            return key.replace("old", "weight")

    model = echo(cls=Renamed)
    model.load_state_dict({"old": torch.tensor(2.0)})
    assert model.weight == 2.0


# -- from configs ------------------------------------------------------------------------------------------------


@dataclass
class SizedConfig(BaseModel.Config):
    model: str = "contract_sized"
    width: int = 3
    depth: int = 2


@pytest.fixture
def sized(monkeypatch):
    """A model with a `Config`, registered for the time of a test."""

    class Sized(Echo):
        Config = SizedConfig

    entries = dict(registry._entries["model"])
    monkeypatch.setitem(registry._entries, "model", entries)
    registry.register_model("contract_sized")(Sized)
    return Sized


@pytest.mark.parametrize("form", [dict, lambda section: SizedConfig(**section)])
def test_what_a_section_leaves_out_has_its_default(sized, form):
    section = form({"model": "contract_sized", "width": 5, "losses": ["logit_bce"]})
    model = build_model(section, DataInfo("d", num_answers=2))
    assert (model.config["width"], model.config["depth"]) == (5, 2)
    assert isinstance(model.losses, Losses) and model.losses.keys("d") == ["d/logit_bce"]
    assert model.data_info.num_answers == 2 and hasattr(model, "weight")
    assert section == form({"model": "contract_sized", "width": 5, "losses": ["logit_bce"]})


def test_from_params_fills_the_config_and_does_not_build(sized):
    model = sized.from_params(width=4)
    assert (model.config.width, model.config.depth) == (4, 2)
    assert not hasattr(model, "weight")


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({"width": 1}, "The model's config needs a key `model` that names it, for example `model: pythia`."),
        (["pythia"], "build_model takes a model's config section, not list."),
    ],
)
def test_a_section_that_names_no_model(config, text):
    with pytest.raises(ConfigError) as error:
        build_model(config)
    assert str(error.value) == text
