"""A run that was stopped goes on as if nothing had happened, to the last bit."""

import pytest
import torch

from mmf_like.checkpoint.store import load_checkpoint
from tests.integration.command import command, results_of
from tests.integration.test_commands import DEMO

KINDS = {
    "plain": [],
    "dropout": ["model_config.colour.dropout=0.5"],
    "accumulation": ["training.update_frequency=2"],
    "accumulation and dropout": ["training.update_frequency=2", "model_config.colour.dropout=0.3"],
    "workers": ["training.num_workers=1", "model_config.colour.dropout=0.5"],
    "schedule and clipping": [
        *("training.lr_scheduler=true", "scheduler.type=warmup_cosine", "scheduler.params.num_warmup_steps=2"),
        *("training.clip_gradients=true", "training.max_grad_l2_norm=0.1", "optimizer.params.weight_decay=0.1"),
    ],
    "train metrics": ["training.log_interval=4", "model_config.colour.dropout=0.5"],
}
EXIT = 77


def end(how="exit", **when):
    params = ", ".join(f"{key}: {value}" for key, value in {"how": how, **when}.items())
    return f"training.callbacks=[{{type: end_at, params: {{{params}}}}}]"


def content(folder, name="colour"):
    """What must be equal: weights, optimizer, schedule, random states, counters, the numbers written on the way."""
    final = torch.load(folder / f"{name}_final.pth", weights_only=True)
    checkpoint = load_checkpoint(folder / "current.ckpt")
    loop = checkpoint["callbacks"]["TrainLoop"]
    state = {key: value for key, value in loop["state"].items() if "seconds" not in key}
    return {
        "final weights": final,
        "weights": checkpoint["state_dict"],
        "optimizer": checkpoint["optimizer_states"],
        "schedule": checkpoint["lr_schedulers"],
        "random": loop["random"],
        "state": state,
        "metrics.csv": (folder / "metrics.csv").read_text(),
        "results": results_of(folder),
    }


def assert_same(one, other, place=""):
    if isinstance(one, dict):
        assert list(one) == list(other), place
        for key in one:
            assert_same(one[key], other[key], f"{place}/{key}")
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other), place
        for index, (part, its) in enumerate(zip(one, other)):
            assert_same(part, its, f"{place}/{index}")
    elif isinstance(one, torch.Tensor):
        assert torch.equal(one, other), place
    else:
        assert one == other, place


@pytest.fixture(scope="module")
def straight(colour_run, tmp_path_factory):
    """The uninterrupted run of a kind, made once."""
    made = {}

    def content_of(kind):
        if kind not in made:
            folder = tmp_path_factory.mktemp("straight")
            done = command(*colour_run(folder, *KINDS[kind]))
            assert (done.code, done.err) == (0, "")
            made[kind] = content(folder)
        return made[kind]

    return content_of


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "when",
    [{"update": 1}, {"update": 2}, {"update": 3}, {"batch": 5}],
    ids=["mid-epoch", "at a validation", "at the end of an epoch", "before a batch"],
)
def test_killed_and_resumed_equals_uninterrupted(straight, colour_run, tmp_path, kind, when):
    assert command(*colour_run(tmp_path, *KINDS[kind], end(**when))).code == EXIT
    done = command(*colour_run(tmp_path, *KINDS[kind], "checkpoint.resume=true"))
    assert (done.code, done.err) == (0, "")
    assert "Resuming from " in done.out or "Nothing to resume in " in done.out
    assert_same(content(tmp_path), straight(kind))


@pytest.mark.parametrize(("before", "after"), [(0, 2), (1, 0)])
def test_the_number_of_workers_may_change_on_the_way(straight, colour_run, tmp_path, before, after):
    arguments = KINDS["dropout"]
    assert command(*colour_run(tmp_path, *arguments, f"training.num_workers={before}", end(update=4))).code == EXIT
    done = command(*colour_run(tmp_path, *arguments, f"training.num_workers={after}", "checkpoint.resume=true"))
    assert done.code == 0, done.err
    assert_same(content(tmp_path), straight("dropout"))


def test_a_run_killed_many_times(straight, colour_run, tmp_path):
    arguments = [*KINDS["accumulation and dropout"], "checkpoint.resume=true"]
    for update in (2, 3, 5):
        assert command(*colour_run(tmp_path, *arguments, end(update=update))).code == EXIT
    assert command(*colour_run(tmp_path, *arguments)).code == 0
    assert_same(content(tmp_path), straight("accumulation and dropout"))


def test_checkpoints_in_other_places_change_nothing(straight, colour_run, tmp_path):
    arguments = [*KINDS["dropout"], "training.checkpoint_interval=4", "training.evaluation_interval=100"]
    assert command(*colour_run(tmp_path / "straight", *arguments)).code == 0
    assert command(*colour_run(tmp_path / "resumed", *arguments, end(update=5))).code == EXIT
    assert command(*colour_run(tmp_path / "resumed", *arguments, "checkpoint.resume=true")).code == 0
    assert_same(content(tmp_path / "resumed"), content(tmp_path / "straight"))


def test_the_demo_resumes_exactly(tmp_path):
    for name, callbacks, code in (("straight", [], 0), ("resumed", [end(update=2)], EXIT)):
        arguments = [*DEMO, "env.user_dir=tests/data/user_dir", *callbacks]
        assert command(*arguments, f"env.save_dir={tmp_path / name}").code == code
    assert command(*DEMO, f"env.save_dir={tmp_path / 'resumed'}", "checkpoint.resume=true").code == 0
    assert_same(content(tmp_path / "resumed", "pythia"), content(tmp_path / "straight", "pythia"))


def test_a_finished_run_resumed_trains_no_more_and_gives_the_same_results(straight, colour_run, tmp_path):
    assert command(*colour_run(tmp_path)).code == 0
    done = command(*colour_run(tmp_path, "checkpoint.resume=true"))
    assert (done.code, done.err) == (0, "")
    assert "progress: " not in done.out
    assert_same(content(tmp_path), straight("plain"))


# -- signals -----------------------------------------------------------------------------------------------------


def test_a_signal_during_a_validation_ends_the_run_when_that_is_saved(straight, colour_run, tmp_path):
    done = command(*colour_run(tmp_path, *KINDS["dropout"], end("SIGTERM", during="val")))
    assert done.code == 143
    assert f"Stopped by SIGTERM after update 2. Saved {tmp_path}/current.ckpt." in done.err
    assert command(*colour_run(tmp_path, *KINDS["dropout"], "checkpoint.resume=true")).code == 0
    assert_same(content(tmp_path), straight("dropout"))


@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_a_signal_stops_measuring_too(straight, colour_run, tmp_path, name, code):
    assert command(*colour_run(tmp_path)).code == 0
    arguments = ["run_type=test", f"checkpoint.resume_file={tmp_path}/best.ckpt", end(name, during="test")]
    done = command(*colour_run(tmp_path, *arguments))
    assert (done.code, done.err) == (code, f"mmf_run: Stopped by {name} while test was measured.\n")


@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_a_signal_ends_the_run_after_the_update_and_says_how_to_go_on(straight, colour_run, tmp_path, name, code):
    arguments = [*KINDS["dropout"], "training.checkpoint_interval=100", "training.evaluation_interval=4"]
    done = command(*colour_run(tmp_path / "a", *arguments, end(name, batch=3)))
    assert (done.code, done.err) == (
        code,
        f"mmf_run: Stopped by {name} after update 3. Saved {tmp_path}/a/current.ckpt. "
        "Continue with the same command and checkpoint.resume=true\n",
    )
    assert f"{name}: finishing this update, then saving. Once more to stop at once." in done.out
    assert command(*colour_run(tmp_path / "a", *arguments, "checkpoint.resume=true")).code == 0
    assert command(*colour_run(tmp_path / "b", *arguments)).code == 0
    assert_same(content(tmp_path / "a"), content(tmp_path / "b"))


@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_a_signal_in_the_middle_of_an_update_lets_it_finish(colour_run, tmp_path, name, code):
    arguments = [*KINDS["accumulation"], "training.checkpoint_interval=100", "training.evaluation_interval=4"]
    done = command(*colour_run(tmp_path / "a", *arguments, end(name, batch=3)))
    assert (done.code, done.err.count("\n")) == (code, 1), done.err
    assert done.err.startswith(f"mmf_run: Stopped by {name} after update 2. ")
    assert command(*colour_run(tmp_path / "a", *arguments, "checkpoint.resume=true")).code == 0
    assert command(*colour_run(tmp_path / "b", *arguments)).code == 0
    assert_same(content(tmp_path / "a"), content(tmp_path / "b"))


def test_ctrl_c_on_a_terminal_leaves_loading_processes_to_finish_the_update(colour_run, tmp_path):
    arguments = ["training.num_workers=1", "training.update_frequency=10"]  # more batches than are loaded ahead
    done = command(*colour_run(tmp_path, *arguments, end("SIGINT", batch=11, group="true")))
    assert (done.code, done.err.count("\n")) == (130, 1), done.err
    assert done.err.startswith("mmf_run: Stopped by SIGINT after update 2. ")
    assert done.out.count("SIGINT: finishing this update") == 1


def test_a_second_ctrl_c_ends_the_run_at_once(colour_run, tmp_path):
    twice = "training.callbacks=[" + ", ".join(["{type: end_at, params: {how: SIGINT, batch: 3}}"] * 2) + "]"
    done = command(*colour_run(tmp_path, twice))
    assert done.code == 130
    assert done.err.splitlines()[-1] == (
        "mmf_run: stopped by Ctrl-C. Where a checkpoint was saved, checkpoint.resume=true goes on from it."
    )
    assert "Traceback" not in done.err


# -- what to start from ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def finished(colour_run, tmp_path_factory):
    """A run whose best validation is not its last."""
    folder = tmp_path_factory.mktemp("finished")
    arguments = ["training.early_stop.criteria=total_loss", "training.early_stop.minimize=false"]
    assert command(*colour_run(folder, *arguments)).code == 0
    assert load_checkpoint(folder / "best.ckpt")["callbacks"]["TrainLoop"]["state"]["updates"] == 2
    return folder


def first_lines(done):
    assert done.code == 0, done.err
    return done.out.splitlines()[2]


def test_resume_best_goes_on_from_the_best(finished, colour_run, tmp_path):
    import shutil

    shutil.copytree(finished, tmp_path / "copy")
    done = command(*colour_run(tmp_path / "copy", "checkpoint.resume_best=true"))
    assert first_lines(done) == f"Resuming from {tmp_path}/copy/best.ckpt (update 2)."
    assert results_of(tmp_path / "copy")["steps"] == 6


def test_resume_file_of_a_whole_checkpoint_goes_on(finished, straight, colour_run, tmp_path):
    done = command(*colour_run(tmp_path, f"checkpoint.resume_file={finished}/models/model_4.ckpt"))
    assert first_lines(done) == f"Resuming from {finished}/models/model_4.ckpt (update 4)."
    weights = content(tmp_path)["weights"]
    assert all(torch.equal(weights[key], value) for key, value in straight("plain")["weights"].items())


def test_resume_file_of_bare_weights_begins_with_them(finished, colour_run, tmp_path):
    file = finished / "colour_final.pth"
    done = command(*colour_run(tmp_path, f"checkpoint.resume_file={file}", "optimizer.params.lr=0.0"))
    assert first_lines(done) == f"Weights from {file}."
    assert results_of(tmp_path)["steps"] == 6
    given, kept = (torch.load(path, weights_only=True) for path in (file, tmp_path / "colour_final.pth"))
    assert all(torch.equal(given[key], kept[key]) for key in given)


@pytest.mark.parametrize(
    ("reset", "said", "steps", "moments"),
    [
        ("optimizer", "Resuming from", 6, 2),  # updates 5 and 6
        ("counts", "Resuming from", 6, 10),  # 4 of the former run, 6 of this one
        ("all", "Weights from", 6, 6),
    ],
)
def test_reset_forgets_what_it_names(finished, colour_run, tmp_path, reset, said, steps, moments):
    file = finished / "models" / "model_4.ckpt"
    done = command(*colour_run(tmp_path, f"checkpoint.resume_file={file}", f"checkpoint.reset.{reset}=true"))
    assert first_lines(done).startswith(f"{said} {file}")
    checkpoint = load_checkpoint(tmp_path / "current.ckpt")
    assert results_of(tmp_path)["steps"] == steps
    assert {entry["step"] for entry in checkpoint["optimizer_states"][0]["state"].values()} == {moments}


# -- checkpoints that cannot be used -----------------------------------------------------------------------------


def test_a_damaged_checkpoint_is_passed_over_with_the_reason(straight, colour_run, tmp_path):
    assert command(*colour_run(tmp_path, end(update=4))).code == EXIT
    size = (tmp_path / "current.ckpt").stat().st_size
    with open(tmp_path / "current.ckpt", "r+b") as file:  # another name of models/model_3.ckpt
        file.truncate(1000)
    done = command(*colour_run(tmp_path, "checkpoint.resume=true"))
    lines = done.out.splitlines()[2:5]
    for line, name in zip(lines, ("current.ckpt", "models/model_3.ckpt")):
        assert line == f"{tmp_path}/{name} is passed over: it has 1,000 bytes instead of {size:,}"
    assert lines[2].startswith(f"Resuming from {tmp_path}/") and lines[2].endswith("(update 2).")
    assert_same(content(tmp_path), straight("plain"))


def test_a_checkpoint_of_another_model(finished, colour_run, tmp_path):
    file = finished / "best.ckpt"
    done = command(*colour_run(tmp_path, f"checkpoint.resume_file={file}", model="nan_at_third"))
    assert (done.code, done.err) == (
        2,
        f"mmf_run: {file} holds the model 'colour'; this run's model is 'nan_at_third'.\n",
    )


def test_weights_that_do_not_fit(finished, colour_run, tmp_path):
    file = finished / "colour_final.pth"
    done = command(*colour_run(tmp_path, f"checkpoint.resume_file={file}", "model_config.colour.hidden=4"))
    assert (done.code, done.err) == (
        2,
        f"mmf_run: The weights in {file} do not fit the model 'colour': 3 of another shape: layers.2.weight (8, 12) "
        "instead of (4, 12), layers.2.bias (8,) instead of (4,), layers.5.weight (3, 8) instead of (3, 4).\n",
    )


def test_a_file_that_is_not_there(colour_run, tmp_path):
    done = command(*colour_run(tmp_path, "checkpoint.resume_file=nowhere.ckpt"))
    assert (done.code, done.err) == (2, "mmf_run: The checkpoint nowhere.ckpt does not exist.\n")


def test_a_file_that_is_no_checkpoint(colour_run, tmp_path):
    (tmp_path / "bad.ckpt").write_bytes(b"not a checkpoint")
    done = command(*colour_run(tmp_path, f"checkpoint.resume_file={tmp_path}/bad.ckpt"))
    assert done.code == 2
    assert done.err.startswith(f"mmf_run: {tmp_path}/bad.ckpt is not a checkpoint that can be read safely (16 bytes): ")
    assert done.err.count("\n") == 1


def test_nothing_to_resume_starts_from_the_beginning(straight, colour_run, tmp_path):
    done = command(*colour_run(tmp_path, "checkpoint.resume=true"))
    assert first_lines(done) == f"Nothing to resume in {tmp_path}: starting from the beginning."
    assert_same(content(tmp_path), straight("plain"))
