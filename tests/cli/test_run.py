import sys
from types import ModuleType

import pytest

from mmf_like.cli import predict as predict_command
from mmf_like.cli import run as run_command
from mmf_like.common.errors import ConfigError, TrainingError

from .test_commands import RUN


@pytest.fixture
def engine(monkeypatch):
    """Stands in for the engine and keeps what it was asked to run."""
    asked = []
    module = ModuleType("mmf_like.engine.main")

    def run_config(composed, *, predict, quiet, as_json):
        asked.append((composed.config, predict, quiet))
        if composed.config.training.experiment_name == "fail":
            raise TrainingError("The loss is not finite.")
        return "result"

    module.run_config = run_config
    monkeypatch.setitem(sys.modules, "mmf_like.engine.main", module)
    return asked


def test_run_from_python_returns_the_result(engine):
    assert run_command.run([*RUN, "training.seed=3"]) == "result"
    config, predict, quiet = engine[0]
    assert (config.training.seed, predict, quiet) == (3, False, False)


def test_predict_from_python_uses_its_arguments(engine):
    assert predict_command.predict([*RUN, "training.seed=3", "--quiet"]) == "result"
    config, predict, quiet = engine[0]
    assert (config.training.seed, config.evaluation.predict, predict, quiet) == (3, True, True, True)


def test_run_from_python_raises_mistakes(engine):
    with pytest.raises(ConfigError, match=r"Did you mean training\.batch_size\?"):
        run_command.run([*RUN, "training.batchsize=3"])
    assert engine == []


def test_command_prints_what_a_run_could_not_go_on_with(engine, capsys):
    assert run_command.main([*RUN, "training.experiment_name=fail"]) == 2
    assert capsys.readouterr().err == "mmf_run: The loss is not finite.\n"


def test_detailed_config_is_printed_on_demand(engine, capsys):
    assert run_command.main([*RUN, "training.log_detailed_config=true"]) == 0
    assert "log_detailed_config: true" in capsys.readouterr().out


def test_interruption_ends_without_a_traceback(engine, monkeypatch, capsys):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["mmf_like.engine.main"], "run_config", interrupted)
    assert run_command.main(RUN) == 130
    assert capsys.readouterr().err == (
        "mmf_run: stopped by Ctrl-C. Where a checkpoint was saved, checkpoint.resume=true goes on from it.\n"
    )


def test_what_the_machine_lacks_is_noted(engine, monkeypatch):
    monkeypatch.setattr("mmf_like.config.lightning.device_count", lambda: 0)
    noted = []
    monkeypatch.setattr(
        sys.modules["mmf_like.engine.main"], "run_config", lambda composed, **_: noted.extend(composed.notes)
    )
    run_command.run([*RUN, "training.device=cuda"])
    assert noted == ["training.device=cuda, but there is no CUDA device here: running on the CPU."]


@pytest.mark.parametrize(
    ("arguments", "predict", "noted"),
    [
        ([], False, False),
        ([], True, True),
        (["run_type=test"], False, True),
        (["run_type=test", "checkpoint.resume_file=best.ckpt"], True, False),
    ],
)
def test_untrained_weights_are_noted(engine, monkeypatch, arguments, predict, noted):
    found = []
    monkeypatch.setattr(
        sys.modules["mmf_like.engine.main"], "run_config", lambda composed, **_: found.extend(composed.notes)
    )
    run_command.run([*RUN, *arguments], predict=predict)
    text = "No checkpoint is named, so the weights are untrained: checkpoint.resume_file=save/best.ckpt"
    assert (text in found) is noted
