"""Ctrl-C and SIGTERM: the present update is finished and saved, then the run ends."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

from mmf_like.common.errors import TrainingError
from mmf_like.distributed import any_rank
from mmf_like.trainers.display import Display


class Interrupted(TrainingError):
    """A signal came; the run saved what it had reached. `exit_code` is 128 and the signal's number."""

    def __init__(self, text: str, number: int):
        super().__init__(text, number)
        self.exit_code = 128 + number

    def __str__(self) -> str:
        return self.args[0]


class StopSignals:
    """Notes the first SIGINT or SIGTERM; a second one stops at once (`KeyboardInterrupt`)."""

    def __init__(self, display: Display):
        self.display = display
        self.number: int | None = None
        self._former: dict[int, Any] = {}

    @property
    def name(self) -> str:
        return signal.Signals(self.number or signal.SIGTERM).name

    def __enter__(self) -> StopSignals:
        """Listen. Only the main thread can; elsewhere a run is stopped by who started it."""
        if threading.current_thread() is threading.main_thread():
            self._former = {s: signal.signal(s, self._note) for s in (signal.SIGINT, signal.SIGTERM)}
        return self

    def take_over(self) -> None:
        """Lightning puts a handler before ours that ends the run after a batch, unsaved and with exit code 0."""
        if self._former:
            signal.signal(signal.SIGTERM, self._note)

    def __exit__(self, *error: Any) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)
        self._former = {}

    def asked(self, *, everywhere: bool) -> bool:
        """Whether this process, or with `everywhere` any rank, was asked to stop."""
        return any_rank(self.number is not None) if everywhere else self.number is not None

    def interrupted(self, update: int, saved: Any) -> Interrupted:
        """What to raise when training stops."""
        return Interrupted(
            f"Stopped by {self.name} after update {update}. Saved {saved}. "
            "Continue with the same command and checkpoint.resume=true",
            self.number or signal.SIGTERM,
        )

    def raise_while_measuring(self, split: str) -> None:
        """Outside training there is nothing to save."""
        if self.number is not None:
            raise Interrupted(f"Stopped by {self.name} while {split} was measured.", self.number)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.number is not None:
            raise KeyboardInterrupt
        self.number = number
        self.display.say(f"{self.name}: finishing this update, then saving. Once more to stop at once.")
