"""Who set which key: for every key the chain of values and the places they came from, the last one winning."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

Path = tuple[str | int, ...]
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


@dataclass(frozen=True)
class Origin:
    """Where a value was written."""

    place: str  # "file.yaml:12" or "command line"
    included_by: str = ""
    owner: str = ""  # "model pythia": written by the author of that class

    def __str__(self) -> str:
        return f"{self.place}   (included by {self.included_by})" if self.included_by else self.place


@dataclass(frozen=True)
class Setting:
    """One value that a key was given; `order` counts up over the whole composition."""

    value: Any
    origin: Origin
    order: int


COMMAND_LINE = Origin("command line")
NOWHERE = Setting(None, Origin("nowhere"), -1)


@dataclass
class Provenance:
    """The history of every key of one composition."""

    chains: dict[Path, list[Setting]] = field(default_factory=dict)
    _count: int = 0

    def record(self, path: Path, value: Any, origin: Origin) -> None:
        self._count += 1
        self.chains.setdefault(path, []).append(Setting(value, origin, self._count))

    def chain(self, key: str | Path) -> list[Setting]:
        """The settings of one key, the winning one last. A value set through a parent or child key counts there."""
        return self.chains.get(parse_key(key) if isinstance(key, str) else key, [])

    def winner(self, path: Path) -> Setting:
        """The latest setting of a key or of one of its parents: what decides its present value."""
        latest = NOWHERE
        for length in range(len(path), 0, -1):
            settings = self.chains.get(path[:length])
            if settings and settings[-1].order > latest.order:
                latest = settings[-1]
        return latest

    def origin(self, path: Path) -> Origin:
        """Where the present value was written; for a section, where it was last touched."""
        latest = [self.winner(path), *(chain[-1] for _, chain in self.below(path))]
        return max(latest, key=lambda setting: setting.order).origin

    def below(self, path: Path) -> Iterator[tuple[Path, list[Setting]]]:
        """The keys under a section, with their chains."""
        for key, chain in self.chains.items():
            if len(key) > len(path) and key[: len(path)] == path:
                yield key, chain


def dotted(path: Sequence[str | int]) -> str:
    """`("losses", 0, "type")` as people write it: `losses[0].type`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else str(part)
    return text


def parse_key(text: str) -> Path:
    """`losses[0].type` as a path; raises `ValueError` for text that is not one."""
    path: list[str | int] = []
    at = 0
    while at < len(text):
        if text[at] == "." and path and at + 1 < len(text) and text[at + 1] not in ".[":
            at += 1
        elif path and text[at] != "[":
            raise ValueError(text)
        step = _STEP.match(text, at)
        if step is None:
            raise ValueError(text)
        path.append(step[1] if step[1] is not None else int(step[2]))
        at = step.end()
    if not path or isinstance(path[0], int):
        raise ValueError(text)
    return tuple(path)
