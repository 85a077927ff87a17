"""Going on from a checkpoint when something is not as it was: settings, folders, files."""

import pytest
import torch

from tests.integration.command import command, results_of

MAX = ["training.early_stop.criteria=pictures/accuracy", "training.early_stop.minimize=false"]


def steps(folder, n):
    """State and optimizer steps in a snapshot."""
    found = torch.load(folder / "models" / f"model_{n}.ckpt", weights_only=True)
    return found["callbacks"]["TrainLoop"]["state"], {
        int(s["step"]) for s in found["optimizer_states"][0]["state"].values()
    }


@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 1)])
def test_resume_with_another_update_frequency_ends_at_max_updates(colour_run, tmp_path, before, after):
    assert command(*colour_run(tmp_path, f"training.update_frequency={before}", "training.max_updates=3")).code == 0
    more = ["checkpoint.resume=true", f"training.update_frequency={after}", "training.max_updates=5"]
    assert command(*colour_run(tmp_path, *more)).code == 0
    assert results_of(tmp_path)["steps"] == 5


def test_updates_and_optimizer_steps_stay_together_after_a_half_update(colour_run, tmp_path):
    freq = ["training.update_frequency=2"]
    assert (
        command(*colour_run(tmp_path, *freq, "training.max_epochs=1", "run_type=train")).code == 0
    )  # 3 batches: 2 updates
    assert (
        command(*colour_run(tmp_path, *freq, "training.max_epochs=3", "run_type=train", "checkpoint.resume=true")).code
        == 0
    )
    state, taken = steps(tmp_path, 3)
    assert taken == {state["updates"]}


def test_resume_file_of_another_folder_ends_well_without_a_better_validation(colour_run, tmp_path):
    assert command(*colour_run(tmp_path / "a", *MAX, "optimizer.params.lr=0")).code == 0
    file = f"checkpoint.resume_file={tmp_path}/a/current.ckpt"
    done = command(*colour_run(tmp_path / "b", *MAX, "optimizer.params.lr=0", file, "training.max_updates=8"))
    assert done.code == 0, done.err


def test_a_lost_best_is_taken_from_its_snapshot(colour_run, tmp_path):
    assert command(*colour_run(tmp_path)).code == 0
    (tmp_path / "best.ckpt").unlink()
    assert command(*colour_run(tmp_path, "checkpoint.resume=true")).code == 0


def test_after_reset_counts_the_new_checkpoints_are_the_newest(colour_run, tmp_path):
    assert command(*colour_run(tmp_path)).code == 0
    more = ["checkpoint.resume=true", "training.max_updates=2"]
    assert command(*colour_run(tmp_path, *more, "checkpoint.reset.counts=true")).code == 0
    done = command(*colour_run(tmp_path, *more))
    assert "(update 2)" in done.out and results_of(tmp_path)["steps"] == 2


def test_a_mistake_leaves_an_earlier_run_resumable(colour_run, tmp_path):
    assert command(*colour_run(tmp_path)).code == 0
    config = (tmp_path / "config.yaml").read_text()
    assert command(*colour_run(tmp_path, "optimizer.params.bogus=1")).code == 2
    assert (tmp_path / "manifest.json").is_file()
    assert (tmp_path / "config.yaml").read_text() == config


@pytest.mark.parametrize("word", ["test", "val"])
def test_measuring_again_keeps_the_results_of_training(colour_run, tmp_path, word):
    assert command(*colour_run(tmp_path)).code == 0
    before = results_of(tmp_path)
    assert command(*colour_run(tmp_path, f"run_type={word}", f"checkpoint.resume_file={tmp_path}/best.ckpt")).code == 0
    assert before.items() <= results_of(tmp_path).items()


def test_another_criterion_on_resume_starts_its_own_best(colour_run, tmp_path):
    assert command(*colour_run(tmp_path, "optimizer.params.lr=0")).code == 0  # total_loss, about 1.1
    done = command(*colour_run(tmp_path, *MAX, "checkpoint.resume=true", "training.max_updates=8"))
    assert "accuracy" in done.out and "(best so far)" in done.out


def test_a_stopped_run_stays_stopped(colour_run, tmp_path):
    stop = [
        "training.early_stop.enabled=true",
        "training.early_stop.patience=2",
        "optimizer.params.lr=0",
        "training.max_updates=20",
    ]
    assert command(*colour_run(tmp_path, *stop)).code == 0
    before = results_of(tmp_path)["steps"]
    assert command(*colour_run(tmp_path, *stop, "checkpoint.resume=true")).code == 0
    assert results_of(tmp_path)["steps"] == before


def test_another_batch_size_is_said(colour_run, tmp_path):
    assert command(*colour_run(tmp_path)).code == 0
    done = command(*colour_run(tmp_path, "checkpoint.resume=true", "training.batch_size=4", "training.max_updates=8"))
    assert "Not the batches of the run that is resumed: batch_size was 8, is 4." in done.out


def test_a_run_that_is_already_there_says_so(colour_run, tmp_path):
    assert command(*colour_run(tmp_path)).code == 0
    done = command(*colour_run(tmp_path, "checkpoint.resume=true", "training.max_updates=2"))
    assert done.code == 0 and "Already at update 6 of 2: nothing to train." in done.out


def test_train_metrics_go_on_where_they_were(colour_run, tmp_path):
    measured = ["training.evaluate_metrics=true", "training.log_interval=1", "training.checkpoint_interval=1"]
    assert command(*colour_run(tmp_path / "straight", *measured)).code == 0
    assert command(*colour_run(tmp_path / "cut", *measured, "training.max_updates=4")).code == 0
    assert command(*colour_run(tmp_path / "cut", *measured, "checkpoint.resume=true")).code == 0

    def accuracies(folder):
        rows = (tmp_path / folder / "metrics.csv").read_text().splitlines()
        return [row for row in rows if "train/pictures/accuracy" in row]

    assert accuracies("cut") == accuracies("straight") != []
