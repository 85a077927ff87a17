"""Atomic saves, the manifest, and what happens to damaged files."""

import os
from fractions import Fraction

import pytest
import torch

from mmf_like.checkpoint.store import CheckpointStore, load_checkpoint
from mmf_like.common.errors import CheckpointError


@pytest.fixture
def store(tmp_path):
    return CheckpointStore(tmp_path)


def save(store, step, **options):
    return store.save({"state_dict": {"w": torch.full((3,), float(step))}}, step=step, metrics={"m": step}, **options)


def test_a_save_is_snapshot_current_and_best(store):
    save(store, 5, is_best=True)
    save(store, 9)
    assert sorted(store.entries()) == ["best.ckpt", "current.ckpt", "models/model_5.ckpt", "models/model_9.ckpt"]
    assert load_checkpoint(store.best)["state_dict"]["w"][0] == 5
    assert load_checkpoint(store.current)["state_dict"]["w"][0] == 9
    assert store.newest() == (store.current, [])
    assert store.newest(best=True) == (store.best, [])
    assert store.entries()["current.ckpt"].metrics == {"m": 9}


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda p: p.write_bytes(p.read_bytes()[:-1]), "bytes instead of"),
        (lambda p: p.write_bytes(p.read_bytes()[:-1] + b"\x07"), "SHA-256 is not the one recorded"),
        (lambda p: p.unlink(), "does not exist"),
    ],
)
def test_a_damaged_newest_checkpoint_is_passed_over_with_the_reason(store, damage, reason):
    save(store, 1)
    save(store, 2)
    bytes_now = store.current.read_bytes()
    store.current.unlink()  # it is a hard link of the snapshot: give each its own bytes
    store.current.write_bytes(bytes_now)
    damage(store.current)
    path, skipped = store.newest()
    assert path == store.snapshot(2)
    assert len(skipped) == 1 and reason in skipped[0]
    damage(store.snapshot(2))
    assert store.newest()[0] == store.snapshot(1)


def test_a_file_without_a_manifest_entry_does_not_exist(store):
    torch.save({}, store.current)
    assert store.newest() == (None, [])


def test_a_crash_between_file_and_manifest_leaves_the_earlier_ones(store, monkeypatch):
    save(store, 1)
    monkeypatch.setattr(store, "_record", lambda entry: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        save(store, 2)
    assert CheckpointStore(store.folder).newest()[0] == store.current
    assert load_checkpoint(store.current)["state_dict"]["w"][0] == 1


def test_prune_keeps_the_newest_and_the_best(store):
    for step in (1, 2, 3, 4):
        save(store, step, is_best=step == 1)
    store.prune(2)
    assert sorted(os.listdir(store.folder / "models")) == ["model_3.ckpt", "model_4.ckpt"]
    assert load_checkpoint(store.best)["state_dict"]["w"][0] == 1
    store.prune(-1)
    assert len(os.listdir(store.folder / "models")) == 2


def test_a_folder_that_cannot_be_written_is_one_clear_line(store, monkeypatch):
    save(store, 1)

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mmf_like.checkpoint.store.torch.save", full)
    with pytest.raises(
        CheckpointError, match=r"update 2 could not be written to .*No space left on device.*env.save_dir"
    ):
        save(store, 2)
    assert not list(store.folder.rglob("*.part"))
    assert store.newest()[0] == store.current


def test_a_damaged_manifest_is_an_error_that_says_what_to_do(store):
    (store.folder / "manifest.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"manifest.json is damaged.*checkpoint.resume_file"):
        store.newest()


def test_a_pickle_is_refused(tmp_path):
    path = tmp_path / "bad.ckpt"
    torch.save({"x": Fraction(1, 2)}, path)
    with pytest.raises(CheckpointError, match=r"bad.ckpt is not a checkpoint that can be read safely"):
        load_checkpoint(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"The checkpoint .*none.ckpt does not exist"):
        load_checkpoint(tmp_path / "none.ckpt")


def test_a_run_that_starts_anew_sets_earlier_checkpoints_aside(store):
    assert store.begin_anew() is False
    save(store, 9)
    assert store.begin_anew() is True
    assert store.newest()[0] == store.current  # until the first save of the new run they count
    save(store, 3)
    assert list(store.entries()) == ["models/model_3.ckpt", "current.ckpt"] and store.snapshot(9).is_file()
    save(store, 4)
    assert list(store.entries()) == ["models/model_3.ckpt", "models/model_4.ckpt", "current.ckpt"]


def test_the_newest_is_the_one_written_last_not_the_one_of_most_updates(store):
    save(store, 20)
    save(store, 4)
    assert store.newest()[0] == store.current and store.entries()["current.ckpt"].step == 4
    store.current.unlink()
    assert store.newest()[0] == store.snapshot(4)


def test_the_files_of_one_update_can_be_asked_for(store):
    save(store, 1, is_best=True)
    save(store, 2)
    store.best.unlink()
    assert store.newest(step=1)[0] == store.snapshot(1)
    assert store.newest(step=7) == (None, [])
