import json

import pytest

from mmf_like.common.errors import ConfigError
from mmf_like.config.paths import project_root
from mmf_like.config.why import explain


def default(line: str) -> str:
    lines = (project_root() / "configs" / "defaults.yaml").read_text(encoding="utf-8").splitlines()
    return f"configs/defaults.yaml:{next(n for n, text in enumerate(lines, 1) if text.strip().startswith(line))}"


@pytest.fixture
def run(composed, write):
    write("base.yaml", "training:\n  batch_size: 128")
    write("my.yaml", "includes: [base.yaml]\nmodel_config:\n  simple:\n    losses: [{type: a}]")
    return lambda *args: composed("config=my.yaml", "model_config.simple.losses=[]", *args)


def test_chain_of_files_and_arguments(run):
    assert explain(run("training.batch_size=64"), "training.batch_size") == (
        "training.batch_size = 64\n"
        f"    512  {default('batch_size: 512')}\n"
        "    128  base.yaml:2   (included by my.yaml)\n"
        "  > 64   command line"
    )


def test_section_tells_of_its_keys(run):
    assert explain(run("optimizer.params.momentum=0.9"), "optimizer.params") == (
        "optimizer.params.lr = 0.001\n"
        f"  > 0.001  {default('params: {lr: 0.001}')}\n"
        "optimizer.params.momentum = 0.9\n"
        "  > 0.9  command line"
    )


def test_interpolation_is_shown_as_written(run):
    text = explain(run(), "training.wandb.name")
    assert text.startswith("training.wandb.name = run\n  > ${training.experiment_name}  configs/defaults.yaml:")


def test_json(run):
    found = json.loads(explain(run(), "training.batch_size", as_json=True))
    assert found["training.batch_size"]["value"] == 128
    assert found["training.batch_size"]["set_by"][-1] == {
        "value": 128,
        "origin": "base.yaml:2   (included by my.yaml)",
    }


def test_old_name_tells_of_the_new_one(run):
    assert explain(run("training.resume_file=a.pth"), "training.resume_file").startswith(
        "checkpoint.resume_file = a.pth"
    )


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (
            "training.batchsize",
            "training.batchsize is not set in this configuration. Did you mean training.batch_size?",
        ),
        (
            "optimizer.enable_state_sharding",
            "optimizer.enable_state_sharding has no meaning any more; use trainer.params.strategy=fsdp.",
        ),
        ("a..b", "a..b is not a key. Keys look like training.batch_size or a.b[0].c."),
    ],
)
def test_unknown_key(run, key, message):
    with pytest.raises(ConfigError) as caught:
        explain(run(), key)
    assert caught.value.problems == [message]
