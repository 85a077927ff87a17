"""The folder of one run's checkpoints: atomic files, and a manifest that says which of them are whole."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from mmf_like.common.errors import CheckpointError
from mmf_like.io.files import link_atomically, sha256, write_atomically, write_text_atomically

MANIFEST = "manifest.json"
OLD_MANIFEST = "manifest.old.json"
_SNAPSHOT = re.compile(r"models/model_(\d+)\.ckpt$")


@dataclass
class Entry:
    """One file that was written to its end: `step` counts updates, `metrics` are those known when it was saved."""

    file: str
    size: int
    sha256: str
    step: int
    saved_at: float
    metrics: dict[str, float] = field(default_factory=dict)


class CheckpointStore:
    """Saves, lists, verifies and loads the checkpoints below `folder`.

    A file counts only when its manifest entry, written after it, still fits its size and SHA-256.
    """

    def __init__(self, folder: str | Path, prefix: str = ""):
        self.folder = Path(folder)
        self.prefix = f"{prefix}_" if prefix else ""
        self._anew = False

    @property
    def current(self) -> Path:
        return self.folder / f"{self.prefix}current.ckpt"

    @property
    def best(self) -> Path:
        return self.folder / f"{self.prefix}best.ckpt"

    def snapshot(self, step: int) -> Path:
        return self.folder / "models" / f"model_{step}.ckpt"

    def save(
        self, checkpoint: Mapping[str, Any], *, step: int, metrics: Mapping[str, float], is_best: bool = False
    ) -> Path:
        """Write `models/model_<step>.ckpt` and name it `current.ckpt` too (and `best.ckpt` when it is the best)."""
        path = self.snapshot(step)
        try:
            write_atomically(path, lambda file: torch.save(dict(checkpoint), file))
            entry = self._entry(path, step, metrics)
            if self._anew:
                self._set_aside()
            self._record(entry)
            for name in [self.best] * is_best + [self.current]:
                link_atomically(path, name)
                self._record(Entry(**{**asdict(entry), "file": name.name}))
        except (OSError, RuntimeError) as error:
            # torch reports a full disk as a RuntimeError of its zip writer
            raise CheckpointError(
                f"The checkpoint of update {step} could not be written to {path}: {_reason(error)}. "
                "Earlier checkpoints are untouched. Free space or name another folder with env.save_dir=..."
            ) from error
        return path

    def begin_anew(self) -> bool:
        """From the first save on, let the checkpoints of an earlier run count no more; whether there are any."""
        self._anew = bool(self.entries())
        return self._anew

    def _set_aside(self) -> None:
        (self.folder / MANIFEST).replace(self.folder / OLD_MANIFEST)
        self._anew = False

    def prune(self, keep: int) -> None:
        """Delete the oldest snapshots beyond `keep` (all stay when it is negative); current and best stay."""
        if keep < 0:
            return
        entries = self.entries()
        snapshots = sorted((e for e in entries.values() if _SNAPSHOT.match(e.file)), key=lambda e: e.step)
        for entry in snapshots[: max(len(snapshots) - keep, 0)]:
            del entries[entry.file]
            self._write(entries)
            (self.folder / entry.file).unlink(missing_ok=True)

    def entries(self) -> dict[str, Entry]:
        """The manifest, by file name; empty when there is none."""
        path = self.folder / MANIFEST
        if not path.is_file():
            return {}
        try:
            listed = json.loads(path.read_text())["checkpoints"]
            return {item["file"]: Entry(**item) for item in listed}
        except (ValueError, KeyError, TypeError) as error:
            raise CheckpointError(
                f"{path} is damaged and tells no checkpoints: {error}. Name one with checkpoint.resume_file=..."
            ) from error

    def newest(self, *, best: bool = False, step: int | None = None) -> tuple[Path | None, list[str]]:
        """The checkpoint written last that verifies, and why others were passed over.

        With `best`, only best.ckpt counts, with `step` only the files of that update. The manifest is in the order of
        writing: a run that goes on from an earlier update writes newer files with smaller numbers.
        """
        entries = list(self.entries().values())
        if best:
            entries = [entry for entry in entries if entry.file == self.best.name]
        if step is not None:
            entries = [entry for entry in entries if entry.step == step]
        skipped: list[str] = []
        for entry in reversed(entries):
            problem = self.check(entry)
            if problem is None:
                return self.folder / entry.file, skipped
            skipped.append(f"{self.folder / entry.file} is passed over: {problem}")
        return None, skipped

    def check(self, entry: Entry) -> str | None:
        """What is wrong with the file of an entry, or `None`."""
        path = self.folder / entry.file
        if not path.is_file():
            return "it does not exist"
        size = path.stat().st_size
        if size != entry.size:
            return f"it has {size:,} bytes instead of {entry.size:,}"
        if sha256(path) != entry.sha256:
            return "its SHA-256 is not the one recorded"
        return None

    def _entry(self, path: Path, step: int, metrics: Mapping[str, float]) -> Entry:
        name = path.relative_to(self.folder).as_posix()
        return Entry(name, path.stat().st_size, sha256(path), step, time.time(), dict(metrics))

    def _record(self, entry: Entry) -> None:
        entries = self.entries()
        entries.pop(entry.file, None)  # so that it comes last
        entries[entry.file] = entry
        self._write(entries)

    def _write(self, entries: Mapping[str, Entry]) -> None:
        listed = [asdict(entry) for entry in entries.values()]
        write_text_atomically(self.folder / MANIFEST, json.dumps({"format": 1, "checkpoints": listed}, indent=1))


def load_checkpoint(path: str | Path) -> dict[str, Any]:
    """The mapping in a checkpoint file. Only tensors and plain containers are read (`weights_only=True`)."""
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"The checkpoint {path} does not exist.")
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise CheckpointError(
            f"{path} is not a checkpoint that can be read safely ({path.stat().st_size:,} bytes): {_reason(error)}"
        ) from error
    if not isinstance(loaded, dict):
        raise CheckpointError(f"{path} holds a {type(loaded).__name__}, not a checkpoint or state dict.")
    return loaded


def _reason(error: BaseException) -> str:
    return str(error).split("\n")[0][:200] or type(error).__name__
