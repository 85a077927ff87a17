"""What every registered model keeps: outputs, losses, gradients, weights that travel."""

import pickle

import pytest
import torch

from mmf_like.common.registry import registry
from mmf_like.models.build import build_model
from mmf_like.models.optimization import parameter_groups
from tests.contracts import recipes

pytestmark = pytest.mark.parametrize("name", recipes.own_names("model"))


def built(name):
    section, config = recipes.model_section(name)
    _, data_info, fields = recipes.recipe(recipes.MODELS, "model", name)
    torch.manual_seed(0)
    model = build_model({"model": name, **section}, data_info)
    model.run_config = config
    return model, recipes.batch_of(**fields())


def test_forward_gives_scores_and_losses(name):
    model, batch = built(name)
    output = model(batch)
    assert output["scores"].shape[0] == recipes.BATCH and output["scores"].isfinite().all()
    assert output["losses"]
    for key, loss in output["losses"].items():
        assert key.startswith("train/contract/") and loss.shape == (1,) and loss.isfinite().all()


def test_every_parameter_gets_a_gradient(name):
    model, batch = built(name)
    sum(loss.mean() for loss in model(batch)["losses"].values()).backward()
    without = {key for key, p in model.named_parameters() if p.requires_grad and p.grad is None}
    assert without == recipes.recipe(recipes.NO_GRADIENT, "model", name)


def test_every_parameter_is_in_an_optimizer_group_once(name):
    model, _ = built(name)
    held = [id(p) for group in parameter_groups(model, model.optimization) for p in group["params"]]
    assert sorted(held) == sorted(id(p) for p in model.parameters() if p.requires_grad)


def test_weights_go_into_a_new_model_and_give_the_same_scores(name):
    model, batch = built(name)
    torch.manual_seed(1)
    fresh = build_model(model.config, model.data_info)
    fresh.load_state_dict(pickle.loads(pickle.dumps(model.state_dict())))
    model.eval(), fresh.eval()
    with torch.no_grad():
        assert torch.equal(model(batch)["scores"], fresh(batch)["scores"])


def test_building_leaves_the_config_alone_and_it_pickles(name):
    section, _ = recipes.model_section(name)
    before = pickle.dumps(section)
    model, _ = built(name)
    assert pickle.dumps(section) == before
    assert pickle.loads(pickle.dumps(model.config)) == model.config


def test_its_config_file_composes(name):
    cls = registry.find("model", name)
    assert cls.config_path() is not None
    assert recipes.model_section(name)[0] is not None
