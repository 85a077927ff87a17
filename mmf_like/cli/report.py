"""How every command prints its notes and mistakes."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from mmf_like.common.errors import ConfigError, MMFError


def print_error(prog: str, error: MMFError, *, as_json: bool = False) -> int:
    """Print what is to mend, and return the exit code."""
    problems = error.problems if isinstance(error, ConfigError) else [str(error)]
    if as_json:
        print(json.dumps({"problems": problems}, ensure_ascii=False))
    elif len(problems) == 1:
        print(f"{prog}: {problems[0]}", file=sys.stderr)
    else:
        lines = "".join(f"\n  {problem}" for problem in problems)
        print(f"{prog}: {len(problems)} things to mend{lines}", file=sys.stderr)
    return error.exit_code


def print_notes(notes: Sequence[str]) -> None:
    """Print notes where they do not mix with a command's output."""
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
