"""The demo path in small: train, evaluate, predict, and everything a run shows and leaves behind."""

import csv
import json
import os
import subprocess
import sys

import pytest
import torch
import yaml

from mmf_like import predict, run
from mmf_like.checkpoint.store import load_checkpoint
from mmf_like.common.registry import registry
from mmf_like.common.user_code import UserCode
from tests.integration.command import ROOT, command, command_on_a_terminal, results_of

DEMO = [
    "config=projects/pythia/configs/easy_vqa/defaults.yaml",
    "model=pythia",
    "dataset=easy_vqa",
    "dataset_config.easy_vqa.max_pictures={train: 44, val: 10, test: 10}",
    "training.device=cpu",
    "training.batch_size=16",
    "training.max_updates=3",
    "training.evaluation_interval=2",
    "training.checkpoint_interval=1",
    "training.log_interval=1",
]
LOSSES = [f"{split}/{name}" for split in ("val", "test") for name in ("easy_vqa/cross_entropy", "total_loss")]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    done = command(*DEMO, "run_type=train_val_test", f"env.save_dir={folder}")
    assert (done.code, done.err) == (0, "")
    return folder, done


@pytest.fixture(scope="module")
def colour(colour_run, tmp_path_factory):
    """A finished run of the user's model `colour`."""
    folder = tmp_path_factory.mktemp("colour")
    done = command(*colour_run(folder))
    assert (done.code, done.err) == (0, "")
    return folder


@pytest.fixture
def in_process(monkeypatch):
    """Lets this process run commands, and afterwards forget the user's code."""
    monkeypatch.setattr(registry, "user_code", UserCode())
    monkeypatch.chdir(ROOT)


def losses_of(folder):
    with open(folder / "metrics.csv", newline="") as file:
        return [(row["update"], row["value"]) for row in csv.DictReader(file) if row["name"] == "train/total_loss"]


# -- what a run leaves behind ------------------------------------------------------------------------------------


def test_results_name_split_dataset_and_metric(demo):
    numbers = json.loads((demo[0] / "results.json").read_text())
    assert set(numbers) == {
        *LOSSES,
        "val/easy_vqa/accuracy",
        "test/easy_vqa/accuracy",
        *("steps", "seconds", "cpu_seconds", "parameters", "peak_memory_mb"),
    }
    assert numbers["steps"] == 3
    assert numbers["seconds"] > 0 and numbers["cpu_seconds"] > 0


def test_parameters_are_those_of_the_weights(demo):
    weights = torch.load(demo[0] / "pythia_final.pth", weights_only=True)
    buffers = sum(value.numel() for key, value in weights.items() if "running_" in key or "num_batches" in key)
    assert sum(value.numel() for value in weights.values()) - buffers == results_of(demo[0])["parameters"]


def test_the_folder_holds_what_the_readme_says(demo):
    names = {path.name for path in demo[0].iterdir()}
    assert names >= {"results.json", "config.yaml", "train.log", "metrics.csv", "best.ckpt", "current.ckpt"}
    assert "pythia_final.pth" in names


def test_the_final_weights_are_those_of_the_best_validation(demo):
    final = torch.load(demo[0] / "pythia_final.pth", weights_only=True)
    best = load_checkpoint(demo[0] / "best.ckpt")["state_dict"]
    assert all(torch.equal(final[key], best[key]) for key in final)


def test_a_run_says_what_it_does_shows_a_table_and_what_to_type_next(demo):
    folder, done = demo
    lines = done.out.splitlines()
    assert lines[0].endswith("parameters | easy_vqa: 447 train / 104 val / 98 test | cpu, fp32, seed 1")
    assert lines[1] == f"{folder}  (config.yaml, train.log, checkpoints)"
    assert any(line.split()[:2] == ["test", "easy_vqa/accuracy"] for line in lines)
    assert lines[-1] == (
        f"Next         mmf_predict config={folder}/config.yaml run_type=test checkpoint.resume_file={folder}/best.ckpt"
    )


def test_what_is_to_be_typed_next_works(colour):
    done = command(
        *(f"config={colour}/config.yaml", "run_type=test", f"checkpoint.resume_file={colour}/best.ckpt"),
        program="mmf_predict",
    )
    assert done.code == 0, done.err
    assert len(json.loads((colour / "reports" / "pictures_run_test.json").read_text())) == 7
    assert yaml.safe_load((colour / "config.yaml").read_text())["run_type"] == "train_val_test"


def test_the_saved_config_runs_the_same_run_again(colour, tmp_path):
    assert command(f"config={colour}/config.yaml", f"env.save_dir={tmp_path}").code == 0
    assert losses_of(tmp_path) == losses_of(colour)
    assert results_of(tmp_path) == results_of(colour)
    one, other = (yaml.safe_load((folder / "config.yaml").read_text()) for folder in (colour, tmp_path))
    for config in (one, other):
        del config["env"], config["config"]
    assert one == other


# -- predictions -------------------------------------------------------------------------------------------------


def predictions(demo, split, form, folder):
    arguments = [*DEMO, f"run_type={split}", f"checkpoint.resume_file={demo[0]}/best.ckpt", f"env.save_dir={folder}"]
    done = command(*arguments, f"evaluation.predict_file_format={form}", program="mmf_predict")
    assert (done.code, done.err) == (0, "")
    return folder / "reports" / f"easy_vqa_run_{split}.{form}"


@pytest.mark.parametrize(("split", "count"), [("val", 104), ("test", 98)])
def test_predictions_of_every_sample_in_order_and_their_metrics(demo, tmp_path, split, count):
    rows = json.loads(predictions(demo, split, "json", tmp_path).read_text())
    assert [row["question_id"] for row in rows] == list(range(count))
    numbers = json.loads((tmp_path / "predict_results.json").read_text())
    right = sum(row["answer"] == row["true_answer"] for row in rows) / count
    assert numbers[f"{split}/easy_vqa/accuracy"] == pytest.approx(right)
    assert numbers[f"{split}/easy_vqa/accuracy"] == results_of(demo[0])[f"{split}/easy_vqa/accuracy"]


def test_predictions_as_csv_hold_the_same_rows(demo, tmp_path):
    rows = json.loads(predictions(demo, "test", "json", tmp_path).read_text())
    with open(predictions(demo, "test", "csv", tmp_path), newline="") as file:
        table = list(csv.DictReader(file))
    assert table == [{key: str(value) for key, value in row.items()} for row in rows]


def test_a_split_without_targets_is_predicted_and_one_line_says_what_is_left_out(colour, colour_run, tmp_path):
    done = command(
        *colour_run(tmp_path, f"checkpoint.resume_file={colour}/best.ckpt", "training.batch_size=4"),
        *("run_type=test", "dataset_config.pictures.without_targets=[test]"),
        program="mmf_predict",
    )
    assert (done.code, done.err) == (0, "")
    line = "The test batches of pictures have no targets, so no loss is computed."
    assert done.out.count("have no targets") == 1 and line in done.out.splitlines()
    rows = json.loads((tmp_path / "reports" / "pictures_run_test.json").read_text())
    assert [row["id"] for row in rows] == list(range(7))
    assert set(rows[0]) == {"id", "answer", "score"}
    assert not [key for key in json.loads((tmp_path / "predict_results.json").read_text()) if "/" in key]


# -- what a person sees ------------------------------------------------------------------------------------------


def test_no_bar_where_nobody_watches(demo):
    assert "it/s" not in demo[1].out + demo[1].err
    assert demo[1].out.count("progress: ") == 3


def test_a_bar_on_a_terminal_and_no_log_lines(colour_run, tmp_path):
    done = command_on_a_terminal(*colour_run(tmp_path))
    assert done.code == 0
    assert "train:   0%" in done.out and "0/6" in done.out
    assert "progress: " not in done.out
    assert (tmp_path / "train.log").read_text().count("progress: ") == 6


def test_a_quiet_run_prints_the_last_table_only(colour_run, tmp_path):
    done = command(*colour_run(tmp_path), "--quiet")
    assert (done.code, done.err) == (0, "")
    lines = done.out.strip().splitlines()
    assert lines[0].split() == ["split", "metric", "value", "weights"]
    assert lines[-1].startswith("Next ")
    assert "progress" not in done.out


def test_json_is_one_object(colour_run, tmp_path):
    done = command(*colour_run(tmp_path), "--json")
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out) == json.loads((tmp_path / "results.json").read_text())


def test_log_lines_as_json(colour_run, tmp_path):
    done = command(*colour_run(tmp_path, "training.log_format=json"))
    lines = [json.loads(line) for line in done.out.splitlines() if line.startswith("{")]
    train = [line["progress"] for line in lines if not line["progress"].startswith("val")]
    assert train == [f"{update}/6" for update in range(1, 7)]
    assert {"val/total_loss", "is_best"} <= set(next(line for line in lines if line["progress"] == "val 2/6"))
    assert lines[0]["num_updates"] == 1


# -- Python ------------------------------------------------------------------------------------------------------


def test_from_python(in_process, colour, colour_run, tmp_path, capfd):
    outcome = run(colour_run(tmp_path))
    assert outcome.save_dir == tmp_path
    assert {key: value for key, value in outcome.results.items() if key in results_of(colour)} == results_of(colour)
    outcome = predict(colour_run(tmp_path, "run_type=test", f"checkpoint.resume_file={tmp_path}/best.ckpt"))
    assert len(outcome.rows["test/pictures"]) == 7
    assert outcome.predictions == [tmp_path / "reports" / "pictures_run_test.json"]
    assert outcome.results["test/pictures/accuracy"] == results_of(colour)["test/pictures/accuracy"]


# -- what settings do --------------------------------------------------------------------------------------------


def test_epochs_instead_of_updates(colour_run, tmp_path):
    assert command(*colour_run(tmp_path, "training.max_epochs=2")).code == 0
    assert results_of(tmp_path)["steps"] == 6  # 20 samples in batches of 8: 3 an epoch


def test_a_schedule_that_ends_with_the_training_knows_when_epochs_end(colour_run, tmp_path):
    schedule = ("training.lr_scheduler=true", "scheduler={type: warmup_linear, params: {num_warmup_steps: 0}}")
    assert command(*colour_run(tmp_path, "training.max_epochs=2", *schedule)).code == 0
    rates = [row for row in (tmp_path / "metrics.csv").read_text().splitlines() if "learning_rate" in row]
    assert float(rates[-1].split(",")[-1]) == 0.0


def test_a_plateau_schedule_follows_the_validations_and_resumes(colour_run, tmp_path):
    plateau = ["scheduler={type: ReduceLROnPlateau, params: {patience: 0, threshold: 1000.0, threshold_mode: abs}}"]
    plateau += [
        "training.lr_scheduler=true"
    ]  # nothing is better by 1000: each validation but the first tenths the rate
    assert command(*colour_run(tmp_path / "straight", *plateau)).code == 0
    assert command(*colour_run(tmp_path / "cut", *plateau, "training.max_updates=3")).code == 0
    assert command(*colour_run(tmp_path / "cut", *plateau, "checkpoint.resume=true")).code == 0

    def rates(folder):
        rows = (tmp_path / folder / "metrics.csv").read_text().splitlines()
        return [float(row.split(",")[-1]) for row in rows if "learning_rate" in row]

    assert rates("straight") == pytest.approx([0.05, 0.05, 0.05, 0.05, 0.005, 0.005])  # validations at 2 and 4
    assert rates("cut")[:2] == rates("straight")[:2]
    done = command(*colour_run(tmp_path / "none", *plateau, "run_type=train"))
    assert done.code == 2 and "ReduceLROnPlateau follows the validations" in done.err


def test_early_stopping_stops(colour_run, tmp_path):
    done = command(
        *colour_run(tmp_path, "optimizer.params.lr=0.0", "training.max_updates=50"),
        *("training.early_stop.enabled=true", "training.early_stop.patience=4"),
    )
    assert done.code == 0
    assert "No better total_loss since update 2: stopping at update 6." in done.out
    assert results_of(tmp_path)["steps"] == 6


def test_tensorboard(colour_run, tmp_path):
    pytest.importorskip("tensorboard")
    assert command(*colour_run(tmp_path, "training.tensorboard=true")).code == 0
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [event.step for event in events.Scalars("train/total_loss")] == [1, 2, 3, 4, 5, 6]
    assert [event.step for event in events.Scalars("val/total_loss")] == [2, 4, 6]


def test_seed_0_is_a_seed_and_another_than_1(colour, colour_run, tmp_path):
    for name in ("a", "b"):
        assert command(*colour_run(tmp_path / name, "training.seed=0")).code == 0
    assert losses_of(tmp_path / "a") == losses_of(tmp_path / "b")
    assert losses_of(tmp_path / "a") != losses_of(colour)


def test_a_seed_of_minus_1_is_picked_and_saved(colour_run, tmp_path):
    assert command(*colour_run(tmp_path, "training.seed=-1")).code == 0
    assert yaml.safe_load((tmp_path / "config.yaml").read_text())["training"]["seed"] >= 0


def test_several_datasets_at_once(colour_run, tmp_path):
    arguments = colour_run(
        tmp_path,
        "datasets=easy_vqa,pictures",
        "dataset_config.easy_vqa.max_pictures={train: 4, val: 2, test: 2}",
        "dataset_config.pictures.num_labels=14",
        "multitasking.type=round_robin",
    )
    done = command(*(item for item in arguments if item != "dataset=pictures"))
    assert (done.code, done.err) == (0, "")
    names = {f"{split}/{dataset}/{what}" for split in ("val", "test") for dataset in ("easy_vqa", "pictures")
             for what in ("accuracy", "cross_entropy")}  # fmt: skip
    assert names <= set(results_of(tmp_path))
    text = (tmp_path / "metrics.csv").read_text()
    assert "train/easy_vqa/cross_entropy" in text and "train/pictures/cross_entropy" in text


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_change_nothing(colour, colour_run, tmp_path, workers):
    assert command(*colour_run(tmp_path, f"training.num_workers={workers}")).code == 0
    assert results_of(tmp_path) == results_of(colour)
    assert losses_of(tmp_path) == losses_of(colour)


def test_loading_processes_that_start_from_nothing_find_the_users_code(colour, colour_run, tmp_path):
    """`spawn` is what Windows, macOS and newer Pythons do: a worker inherits no imports."""
    script = tmp_path / "spawning.py"
    script.write_text(
        "import multiprocessing, sys\n"
        "from mmf_like.cli.run import main\n"
        'if __name__ == "__main__":\n'
        '    multiprocessing.set_start_method("spawn")\n'
        "    sys.exit(main(sys.argv[1:]))\n"
    )
    arguments = colour_run(tmp_path / "run", "training.num_workers=1")
    done = subprocess.run(
        [sys.executable, str(script), *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert results_of(tmp_path / "run") == results_of(colour)
