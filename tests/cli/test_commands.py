"""The commands as people type them: texts, exit codes, and what they must not import."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mmf_like.config.paths import project_root

USER_DIR = Path(__file__).parents[1] / "data" / "user_dir"
RUN = ["model=simple", "dataset=always_one", f"env.user_dir={USER_DIR}"]
LIGHT = {
    "run": "mmf_like.cli.run",
    "predict": "mmf_like.cli.predict",
    "list": "mmf_like.cli.list",
    "check": "mmf_like.cli.check",
}


def call(command, *arguments, forbidden=("torch",)):
    """`(exit code, stdout, stderr)` of a command in a fresh process, which must not import what is forbidden."""
    code = (
        f"import sys\nfrom {LIGHT[command]} import main\ncode = main({list(arguments)!r})\n"
        f"assert not set({list(forbidden)!r}) & set(sys.modules), 'imported'\nsys.exit(code)"
    )
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MMF_")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=project_root(), env=clean, capture_output=True, text=True, check=False
    )
    assert "AssertionError" not in done.stderr, done.stderr
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("command", LIGHT)
def test_help_shows_usage_and_examples_and_imports_nothing_heavy(command):
    code, out, err = call(command, "--help", forbidden=("torch", "omegaconf", "yaml"))
    assert (code, err) == (0, "")
    assert out.startswith(f"usage: mmf_{command} ")
    assert "examples:" in out
    assert all(len(line) <= 100 for line in out.splitlines())


def test_run_without_arguments_shows_the_help():
    code, out, _ = call("run")
    assert code == 0
    assert out.startswith("usage: mmf_run ")


def test_version():
    from mmf_like import __version__

    assert call("run", "--version") == (0, f"mmf_like {__version__}\n", "")


def test_mistakes_are_listed_with_exit_code_2():
    # A name that no source states is looked for by importing the user's code, whatever that imports.
    arguments = [*RUN[1:], "model=simpel", "training.batchsize=64", "training.max_updates=many"]
    code, out, err = call("run", *arguments, forbidden=())
    assert (code, out) == (2, "")
    lines = err.splitlines()
    assert lines[0].startswith("mmf_run: ")
    assert lines[0].endswith(" things to mend")
    for line in (
        "  model=simpel (command line): no model is registered as 'simpel'. Did you mean 'simple'?  (mmf_list models)",
        "  training.max_updates (command line): 'many' is not a whole number.",
        "  training.batchsize (command line) is not a setting. Did you mean training.batch_size?",
    ):
        assert line in lines


def test_one_mistake_is_one_line():
    assert call("run", *RUN, "training.batchsize=64") == (
        2,
        "",
        "mmf_run: training.batchsize (command line) is not a setting. Did you mean training.batch_size?\n",
    )


def test_mistakes_as_json():
    code, out, err = call("run", *RUN, "training.batchsize=64", "--json")
    assert (code, err) == (2, "")
    assert json.loads(out) == {
        "problems": ["training.batchsize (command line) is not a setting. Did you mean training.batch_size?"]
    }


def test_print_config_gives_a_file_that_prints_the_same(tmp_path):
    arguments = ["config=configs/experiment.yaml", *RUN, "training.seed", "-1", "--print-config"]
    code, out, err = call("run", *arguments)
    assert (code, err) == (0, "")
    saved = tmp_path / "config.yaml"
    saved.write_text(out)
    assert call("run", f"config={saved}", "--print-config") == (0, out, "")


def test_print_config_as_json():
    code, out, _ = call("run", *RUN, "--print-config", "--json")
    assert code == 0
    assert json.loads(out)["training"]["batch_size"] == 512


def test_notes_go_to_stderr():
    code, out, err = call("run", *RUN, "training.local_rank=1", "--print-config")
    assert code == 0
    assert "local_rank" not in out
    assert err.startswith("note: training.local_rank (command line) has no meaning any more; ")


def test_predict_switches_predictions_on():
    _, out, _ = call("predict", *RUN, "evaluation.predict=false", "--print-config", "--json")
    assert json.loads(out)["evaluation"]["predict"] is True


def test_config_override():
    _, out, _ = call("run", *RUN, "-co", '{"training": {"seed": 5}}', "--print-config", "--json")
    assert json.loads(out)["training"]["seed"] == 5


def test_unknown_option():
    assert call("run", *RUN, "--print-confg") == (
        2,
        "",
        "mmf_run: --print-confg is not an option of mmf_run. Did you mean '--print-config'?  (mmf_run --help)\n",
    )


def test_list_of_kinds():
    code, out, _ = call("list", "--json", f"env.user_dir={USER_DIR}")
    assert code == 0
    counts = json.loads(out)
    assert len(counts) == 18
    assert counts["models"] >= 2
    assert counts["datasets"] >= 1
    assert "losses" in counts


@pytest.mark.parametrize("word", ["model", "models"])
def test_list_of_one_kind(word):
    code, out, _ = call("list", word, f"env.user_dir={USER_DIR}")
    assert code == 0
    assert ["simple", "One linear layer over the input."] in [line.split(None, 1) for line in out.splitlines()]


@pytest.mark.parametrize("word", ["dataset", "datasets", "builder"])
def test_datasets_are_builders(word):
    _, out, _ = call("list", word, "--json", f"env.user_dir={USER_DIR}")
    assert json.loads(out)["always_one"] == "Numbers whose label is always one."


def test_list_of_a_kind_that_is_none():
    code, out, err = call("list", "modles")
    assert (code, out) == (2, "")
    assert err.startswith(
        "mmf_list: There is no kind 'modles' of registered things. Did you mean 'models'? The kinds are: "
    )
    assert re.search(r"\bmodels, .*processors", err)


def test_all_about_one_name():
    code, out, _ = call("list", "processors", "vocab")
    assert code == 0
    assert out.startswith("vocab: mmf_like.datasets.processors.text_processors.VocabProcessor (")
    assert "Words to `max_length` (50) indices of a vocabulary, padded with `<pad>`." in out
    assert "`custom` has vectors of its own" in out
    code, out, _ = call("list", "dataset", "always_one", "--json", f"env.user_dir={USER_DIR}")
    assert code == 0
    assert json.loads(out)["description"].startswith("Numbers whose label is always one.")


def test_a_name_that_is_none_and_a_word_too_many():
    code, _, err = call("list", "processors", "vocb")
    assert code == 2
    assert err.startswith("mmf_list: No processor is registered as 'vocb'. Did you mean 'vocab'?")
    code, _, err = call("list", "models", "pythia", "losses")
    assert (code, err) == (2, "mmf_list: mmf_list takes a kind and a name; 'losses' is one too many.\n")


def test_check_config_says_ok_and_notes():
    assert call("check", "config", *RUN, "training.max_epochs=1") == (0, "ok\n", "")


def test_check_config_names_the_problems():
    assert call("check", "config", *RUN, "training.batchsize=1") == (
        2,
        "",
        "mmf_check: training.batchsize (command line) is not a setting. Did you mean training.batch_size?\n",
    )


def test_why():
    code, out, _ = call(
        "check",
        "config",
        "config=configs/experiment.yaml",
        *RUN,
        "training.batch_size",
        "64",
        "--why",
        "training.batch_size",
    )
    lines = out.splitlines()
    assert code == 0
    assert lines[0] == "training.batch_size = 64"
    assert lines[1].startswith("    512  configs/defaults.yaml:")
    assert lines[2:] == [
        "    128  tests/data/user_dir/configs/base.yaml:2   (included by tests/data/user_dir/configs/experiment.yaml)",
        "    4    tests/data/user_dir/configs/experiment.yaml:15",
        "  > 64   command line",
    ]


def test_a_check_that_is_none():
    code, _, err = call("check", "confg")
    assert code == 2
    assert err.startswith("mmf_check: mmf_check confg: checks are: config")
    assert err.endswith("Did you mean 'config'?\n")


def test_examples_name_what_there_is():
    from mmf_like.cli import check, run
    from mmf_like.common.registry import registry

    named = re.findall(r"\b(model|datasets?)=([\w,]+)", (run.HELP + check.HELP).partition("examples:")[2])
    assert named
    for kind, names in named:
        for name in names.split(","):
            kind = "model" if kind == "model" else "builder"
            assert name.startswith("my_") or name.isupper() or registry.has(kind, name)


def test_long_descriptions_are_cut_between_words():
    from mmf_like.cli.list import _text

    (line,) = _text({"loss": "word " * 30}, "loss").splitlines()
    assert len(line) <= 100
    assert line.endswith("word...")
    assert "..." not in _text({"loss": "word " * 30}, "loss", cut=False)
