from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import yaml

from mmf_like.common.errors import BatchError, ConfigError
from mmf_like.common.registry import registry
from mmf_like.common.sample import SampleList
from mmf_like.modules.losses import Losses

LEGACY = Path(__file__).parents[1] / "data" / "legacy" / "pythia"
DEFAULTS = Path(__file__).parents[2] / "configs" / "models" / "pythia" / "defaults.yaml"
EASY_VQA = Path(__file__).parents[2] / "projects" / "pythia" / "configs" / "easy_vqa" / "defaults.yaml"


def load(name):
    return torch.load(LEGACY / name, weights_only=True)


def legacy_config():
    return yaml.safe_load((LEGACY / "model_config.yaml").read_text())


def built(config, text_vocab_size=100, num_answers=5):
    model = registry.find("model", "pythia")(config)
    model.data_info = SimpleNamespace(text_vocab_size=text_vocab_size, num_answers=num_answers)
    model.build()
    return model


def easy_vqa_config():
    return yaml.safe_load(EASY_VQA.read_text())["model_config"]["pythia"]


@pytest.mark.parametrize("writer", ["", "_lightning"])
def test_weights_of_mmf_give_its_scores_and_losses(writer):
    model = built(legacy_config()).eval()
    model.load_state_dict(load("pythia_final.pth"), strict=True)
    batch, expected = SampleList(load(f"inputs{writer}.pt")["inputs"]), load(f"expected{writer}.pt")
    with torch.no_grad():
        output = model.forward(batch)
    torch.testing.assert_close(output["scores"], expected["scores"], rtol=0, atol=1e-5)
    losses = Losses(legacy_config()["losses"])(batch, output)
    torch.testing.assert_close(losses, expected["losses"], rtol=0, atol=1e-5)


def test_older_weights_load_under_their_old_names():
    model = registry.find("model", "pythia")
    assert model.format_state_key("x.fa_history.layers.0.bias") == "x.fa_context.layers.0.bias"


def test_optimizer_groups_are_those_of_mmf():
    groups = built(legacy_config()).get_optimizer_parameters({"optimizer": {"params": {"lr": 1e-3}}})
    assert [len(group["params"]) for group in groups] == [1, 9, 8, 6, 10, 0]
    assert [group.get("lr") for group in groups] == [None, None, None, None, None, pytest.approx(1e-4)]


def test_the_published_sizes():
    config = yaml.safe_load(DEFAULTS.read_text())["model_config"]["pythia"]
    with torch.device("meta"):
        model = built(config, text_vocab_size=75505, num_answers=3129)
    shapes = {name: tuple(p.shape) for name, p in model.named_parameters()}
    assert shapes["word_embedding.weight"] == (75505, 300)
    assert shapes["text_embeddings.0.module.recurrent_unit.weight_ih_l0"] == (4096, 300)
    assert shapes["image_text_multi_modal_combine_layer.module.fa_image.layers.0.weight_v"] == (5000, 2048)
    assert shapes["classifier.module.linear_image.weight"] == (3129, 5000)


def test_pictures_take_the_place_of_features():
    model = built(easy_vqa_config(), num_answers=13)
    batch = {"text": torch.randint(30, (2, 9)), "image": torch.rand(2, 3, 64, 64)}
    output = model.forward(batch)
    assert output["scores"].shape == (2, 13)
    output["scores"].sum().backward()
    assert all(p.grad is not None for p in model.parameters())
    groups = model.get_optimizer_parameters({"optimizer": {"params": {"lr": 1e-3}}})
    assert {id(p) for group in groups for p in group["params"]} == {id(p) for p in model.parameters()}


def test_sizes_of_the_config_serve_where_the_dataset_tells_none():
    model = built({**legacy_config(), "text_vocab_size": 7, "num_labels": 2}, None, None)
    assert model.word_embedding.num_embeddings == 7
    assert model.classifier.module.linear_text.out_features == 2


@pytest.mark.parametrize(
    ("change", "sizes", "text"),
    [
        (
            {},
            (None, 5),
            "pythia needs text_vocab_size: the dataset does not tell text_vocab_size, "
            "and model_config.pythia.text_vocab_size is not set.",
        ),
        (
            {},
            (7, None),
            "pythia needs num_labels: the dataset does not tell num_answers, "
            "and model_config.pythia.num_labels is not set.",
        ),
        (
            {"text_embeddings": []},
            (7, 5),
            "model_config.pythia.text_embeddings must be a list with at least one entry, but is [].",
        ),
    ],
)
def test_a_config_that_cannot_be_built_is_named(change, sizes, text):
    with pytest.raises(ConfigError) as error:
        built({**legacy_config(), **change}, *sizes)
    assert str(error.value) == text


def test_a_missing_feature_is_named():
    with pytest.raises(BatchError) as error:
        built(legacy_config()).forward({"text": torch.zeros(1, 3, dtype=torch.long)})
    assert str(error.value) == (
        "pythia has 1 image_feature_encodings and reads image_feature_0, but the batch has: text."
    )


def test_a_missing_picture_is_named():
    with pytest.raises(BatchError) as error:
        built(easy_vqa_config()).forward({"text": torch.zeros(1, 3, dtype=torch.long)})
    assert str(error.value) == "pythia with image_encoder reads image, but the batch has: text."
