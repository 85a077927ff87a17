"""AnnotationDatabase: the rows of one annotation file, in MMF's JSON and JSON-lines layouts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mmf_like.common.errors import DataError


class AnnotationDatabase:
    """`len(db)` rows, each a dict. `path` is a `.jsonl` (an object a line) or `.json` (a list, or `{"data": [...]}`).

    Answers are brought into one form as MMF does: `answers` is filled from `all_answers` where neither it nor
    `valid_answers` is there, `valid_answers` replaces it, and a last answer `<copy>` is dropped.
    """

    def __init__(self, config: Mapping[str, Any] | None, path: str | Path, *args: Any, **kwargs: Any):
        self.config = config or {}
        self.path = Path(path)
        self.metadata: dict[str, Any] = {}
        self.data: list[dict[str, Any]] = [_with_answers(row) for row in self._read()]

    def get_version(self) -> Any:
        return self.metadata.get("version")

    def place(self, index: int) -> str:
        """How an error names a row."""
        return f"row {index + 1} of {self.path}"

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.data[index]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.data)

    def _read(self) -> list[dict[str, Any]]:
        if not self.path.is_file():
            raise DataError(f"The annotation file {self.path} does not exist (working directory: {Path.cwd()}).")
        if self.path.suffix == ".jsonl":
            return self._read_lines()
        if self.path.suffix == ".json":
            return self._read_json()
        if self.path.suffix == ".npy":
            raise DataError(f"{self.path} is a pickle inside .npy, which is not read: turn it into .jsonl first.")
        raise DataError(f"{self.path} is not an annotation file that can be read. Use .jsonl or .json.")

    def _read_lines(self) -> list[dict[str, Any]]:
        rows = []
        with open(self.path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                try:
                    rows.append(json.loads(line))
                except ValueError as error:
                    raise DataError(f"{self.path}:{number} is not JSON: {error}.") from error
        return rows

    def _read_json(self) -> list[dict[str, Any]]:
        try:
            held = json.loads(self.path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise DataError(f"{self.path} is not JSON: {error}.") from error
        if isinstance(held, list):
            return held
        if not isinstance(held, dict) or not isinstance(held.get("data"), list):
            raise DataError(f"{self.path} must hold a list of rows, or an object with the list under 'data'.")
        self.metadata = held.get("metadata") or {}
        return held["data"]


def _with_answers(row: dict[str, Any]) -> dict[str, Any]:
    if "answers" not in row and "all_answers" in row and "valid_answers" not in row:
        row["answers"] = row["all_answers"]
    if "valid_answers" in row:
        row["answers"] = row["valid_answers"]
    if isinstance(row.get("answers"), list) and row["answers"] and row["answers"][-1] == "<copy>":
        row["answers"] = row["answers"][:-1]
    return row
