"""What a run shows and writes down: bars on a terminal, log lines, CSV, TensorBoard."""

from __future__ import annotations

import csv
import json
import logging
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from tqdm import tqdm

from mmf_like.common.errors import MissingDependency
from mmf_like.common.run import Run

T = TypeVar("T")
logger = logging.getLogger("mmf_like")


class Display:
    """One per run. Processes other than the main one, and a quiet run, show nothing.

    On a terminal the bars show progress and the log lines go to `train.log` alone; elsewhere (a file, a batch
    system) the log lines are printed.
    """

    def __init__(self, run: Run):
        self.bars = run.is_main and run.is_terminal and not run.quiet
        self.speaks = run.is_main and not run.quiet
        self.as_json = run.config.training.log_format == "json"

    def say(self, text: str) -> None:
        """A line for the person at the screen, also written to the log."""
        logger.info(text, extra={"to_console": False})
        if self.speaks:
            tqdm.write(text, file=sys.stdout)

    def log(self, record: Mapping[str, Any], headline: str) -> None:
        """One line of MMF's kind, `headline, key: value, ...`, or the same as JSON."""
        if self.as_json:
            text = json.dumps({"progress": headline, **record})
        else:
            text = ", ".join([f"progress: {headline}", *(f"{key}: {_short(value)}" for key, value in record.items())])
        logger.info(text, extra={"to_console": not self.bars})

    def bar(self, what: str, total: int, initial: int = 0) -> tqdm:
        return tqdm(
            total=total, initial=initial, desc=what, unit="it", disable=not self.bars, leave=False, ncols=100,
            file=sys.stderr,
        )  # fmt: skip

    def track(self, items: Iterable[T], what: str) -> Iterator[T]:
        """Go through `items` under a bar named `what`."""
        yield from tqdm(items, desc=what, disable=not self.bars, leave=False, ncols=100, file=sys.stderr)


class ScalarWriter:
    """`metrics.csv` (`update,epoch,name,value`) always, TensorBoard when asked for."""

    def __init__(self, folder: Path, *, after: int, tensorboard: str | None = None):
        """Rows beyond update `after`, left by a run that this one resumes, are dropped first."""
        self._path = folder / "metrics.csv"
        rows = []
        if after > 0 and self._path.is_file():
            with open(self._path, newline="") as file:
                rows = [row for row in csv.reader(file) if len(row) == 4 and row[0].isdigit() and int(row[0]) <= after]
        self._file = open(self._path, "w", newline="")  # noqa: SIM115 - open until close()
        self._csv = csv.writer(self._file)
        self._csv.writerows([["update", "epoch", "name", "value"], *rows])
        self._file.flush()
        self._board = _tensorboard(tensorboard) if tensorboard else None

    def write(self, scalars: Mapping[str, float], *, update: int, epoch: int) -> None:
        self._csv.writerows([update, epoch, name, repr(float(value))] for name, value in scalars.items())
        self._file.flush()
        if self._board is not None:
            for name, value in scalars.items():
                self._board.add_scalar(name, value, update)

    def close(self) -> None:
        self._file.close()
        if self._board is not None:
            self._board.close()


def set_up_logging(run: Run) -> None:
    """`train.log` in the run's folder, and the console, for the logger `mmf_like`."""
    training = run.config.training
    logger.setLevel(getattr(logging, str(training.logger_level).upper(), logging.INFO))
    logger.propagate = False
    for handler in list(logger.handlers):
        handler.close()
        logger.removeHandler(handler)
    if training.should_not_log or not run.is_main:
        logger.addHandler(logging.NullHandler())
        return
    folder = Path(run.config.env.log_dir or run.save_dir)
    folder.mkdir(parents=True, exist_ok=True)
    file = logging.FileHandler(folder / "train.log")
    file.setFormatter(logging.Formatter("%(asctime)s | %(levelname)s | %(name)s : %(message)s"))
    logger.addHandler(file)
    if not run.quiet:
        console = logging.StreamHandler(sys.stdout)
        console.addFilter(lambda record: getattr(record, "to_console", True))
        console.setFormatter(logging.Formatter("%(message)s"))
        logger.addHandler(console)


def table(rows: list[tuple[str, ...]], indent: str = "") -> str:
    """Aligned columns, the first row as heading."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(indent + "  ".join(cell.ljust(w) for cell, w in zip(row, widths)).rstrip() for row in rows)


def _short(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _tensorboard(folder: str) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise MissingDependency(
            "training.tensorboard=true needs the tensorboard package: pip install 'mmf_like[tensorboard]'."
        ) from error
    return SummaryWriter(folder)
