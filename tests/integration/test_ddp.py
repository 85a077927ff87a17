"""Two processes give what one gives."""

import json
import os
import subprocess
import sys

import pytest

from tests.integration.command import PROGRAMS, ROOT, command, results_of

TWO = ["trainer.params.devices=2", "trainer.params.strategy=ddp", "trainer.params.accelerator=cpu"]


def launched(*arguments, program="mmf_run", code=0):
    """What a command said, in a process that a launcher can start again, which a forked one is not."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MMF_")}
    done = subprocess.run(
        [sys.executable, "-m", PROGRAMS[program], *arguments],
        cwd=ROOT,
        env={**clean, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def test_two_processes_give_the_numbers_and_predictions_of_one(colour_run, tmp_path):
    """Batches of 8 of 20, 10 and 7 samples: the last of each split is smaller, and shared unequally in val and test."""
    assert command(*colour_run(tmp_path / "one")).code == 0
    out = launched(*colour_run(tmp_path / "two", *TWO))
    assert "cpu x 2" in out.splitlines()[0]
    assert out.count("split  metric") == 1  # only the first process speaks
    assert results_of(tmp_path / "two") == pytest.approx(results_of(tmp_path / "one"), abs=1e-6)

    weights = ["run_type=test", f"checkpoint.resume_file={tmp_path}/one/best.ckpt"]
    assert command(*colour_run(tmp_path / "one", *weights), program="mmf_predict").code == 0
    launched(*colour_run(tmp_path / "two", *weights, *TWO), program="mmf_predict")
    one, two = (
        json.loads((tmp_path / name / "reports" / "pictures_run_test.json").read_text()) for name in ("one", "two")
    )
    assert [row["id"] for row in two] == list(range(7))
    for row, its in zip(one, two):
        assert {**row, "score": 0} == {**its, "score": 0}
        assert its["score"] == pytest.approx(row["score"], abs=2e-6)  # written with six digits


def test_a_loss_that_is_not_finite_stops_both_processes_with_the_samples_named(colour_run, tmp_path):
    said = launched(*colour_run(tmp_path, *TWO, model="nan_at_third"), code=2)
    assert "mmf_run: The loss is nan at update 3 (batch 2). Its samples: pictures/train " in said
    assert "Traceback" not in said
