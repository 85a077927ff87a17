"""What every registered iteration strategy, optimizer, schedule, builder, callback, trainer and reporter keeps."""

import inspect

import pytest
import torch

from mmf_like.common.registry import registry
from mmf_like.common.sample import SampleList
from mmf_like.config.load import load_yaml
from mmf_like.config.paths import find_file
from mmf_like.datasets.base_dataset import BaseDataset
from mmf_like.models.base_model import BaseModel
from mmf_like.modules.optimizers import build_optimizer
from mmf_like.modules.schedulers import build_scheduler
from mmf_like.trainers.callbacks.base import Callback
from tests.contracts import recipes


def each(kind):
    return pytest.mark.parametrize("name", recipes.own_names(kind))


# -- iteration strategies ----------------------------------------------------------------------------------------


def schedule(name, epoch=0):
    params = recipes.recipe(recipes.ITERATION_STRATEGIES, "iteration_strategy", name)
    strategy = registry.find("iteration_strategy", name)(params, {"a": 20, "b": 8}, [5, 2])
    return strategy, strategy.schedule(recipes.generator(epoch))


@each("iteration_strategy")
def test_a_schedule_names_datasets_only(name):
    strategy, turns = schedule(name)
    assert turns.dtype == torch.int64 and set(turns.tolist()) <= {0, 1}
    assert len(turns) == (5 if name == "constant" else 7)
    assert strategy.should_exhaust_all_iterators in (True, False)


@each("iteration_strategy")
def test_a_schedule_depends_on_its_generator_alone(name):
    assert torch.equal(schedule(name)[1], schedule(name)[1])


@each("iteration_strategy")
def test_a_strategy_that_exhausts_sees_each_dataset_once(name):
    strategy, turns = schedule(name)
    if strategy.should_exhaust_all_iterators:
        counts = torch.bincount(turns, minlength=2).tolist()
        assert counts == ([5, 0] if name == "constant" else [5, 2])


# -- optimizers and schedules ------------------------------------------------------------------------------------


@each("optimizer")
def test_a_step_goes_downhill_and_its_state_travels(name):
    params = recipes.recipe(recipes.OPTIMIZERS, "optimizer", name)
    weight = torch.nn.Parameter(torch.tensor([3.0, -2.0]))
    optimizer = build_optimizer([weight], {"type": name, "params": params})

    def step():
        optimizer.zero_grad()
        loss = weight.square().sum()
        loss.backward()
        optimizer.step()
        return loss.item()

    first, second = step(), step()
    assert second < first
    again = build_optimizer([weight], {"type": name, "params": params})
    again.load_state_dict(optimizer.state_dict())
    assert str(again.state_dict()) == str(optimizer.state_dict())


@each("scheduler")
def test_a_schedule_changes_the_rate_and_travels(name):
    params = recipes.recipe(recipes.SCHEDULERS, "scheduler", name)

    def made():
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        return optimizer, build_scheduler(optimizer, {"type": name, "params": params})

    def rates(optimizer, scheduler, count):
        found = []
        for _ in range(count):
            found.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
        return found

    straight = rates(*made(), 4)
    assert len(set(straight)) > 1 and all(0 <= rate <= 1 for rate in straight)
    optimizer, scheduler = made()
    begun = rates(optimizer, scheduler, 2)
    other_optimizer, other = made()
    other.load_state_dict(scheduler.state_dict())
    other_optimizer.load_state_dict(optimizer.state_dict())
    assert begun + rates(other_optimizer, other, 2) == straight


# -- datasets, callbacks, trainers, reporters --------------------------------------------------------------------


@each("builder")
def test_a_builder_has_a_config_file_with_its_section(name):
    builder = registry.find("builder", name)()
    assert builder.dataset_name == name
    path = builder.config_path()
    assert path is not None and name in load_yaml(find_file(path))["dataset_config"]


@each("callback")
def test_a_callback_has_the_hooks_of_the_base(name):
    cls = registry.find("callback", name)
    hooks = [hook for hook, _ in inspect.getmembers(Callback, inspect.isfunction) if not hook.startswith("__")]
    for hook in hooks:
        kinds = [p.kind for p in inspect.signature(getattr(cls, hook)).parameters.values()]
        assert inspect.Parameter.VAR_KEYWORD in kinds, f"{hook} must take **kwargs"


@each("trainer")
def test_a_trainer_loads_trains_and_evaluates(name):
    cls = registry.find("trainer", name)
    assert list(inspect.signature(cls).parameters) == ["run", "model", "data"]
    assert all(callable(getattr(cls, method, None)) for method in ("load", "train", "evaluate"))


class Ten(BaseDataset):
    def __len__(self):
        return 10


@each("test_reporter")
def test_a_reporter_gives_one_row_per_sample_in_order(name, tmp_path):
    reporter = registry.find("test_reporter", name)([Ten("ten", {}, "test")], {}, "test")
    for first, last in ((0, 8), (8, 10)):
        batch = SampleList({"id": torch.arange(first, last), "dataset_name": "ten", "dataset_type": "test"})
        reporter.add_batch(batch, {"scores": torch.eye(2)[batch["id"] % 2]}, BaseModel({}))
    rows = reporter.finish()["ten"]
    assert [row["id"] for row in rows] == list(range(10))
    assert [row["answer"] for row in rows] == [0, 1] * 5
    assert reporter.write(rows, tmp_path / "reports" / "rows.json").is_file()


# -- the recipes themselves --------------------------------------------------------------------------------------


def test_a_new_name_fails_with_the_way_to_add_it():
    with pytest.raises(pytest.fail.Exception) as failure:
        recipes.recipe(recipes.LOSSES, "loss", "new_loss")
    assert str(failure.value) == (
        "There is no input for loss 'new_loss': add it to LOSSES in tests/contracts/recipes.py."
    )


@pytest.mark.parametrize(
    "kind", ["pooler", "fusion", "decoder", "torchmetric", "transformer_backend", "transformer_head"]
)
def test_a_kind_without_names_has_no_contract_yet(kind):
    assert recipes.own_names(kind) == [], f"Write the contract of a {kind} in tests/contracts/."
