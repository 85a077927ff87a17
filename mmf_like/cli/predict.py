"""`mmf_predict`: as `mmf_run`, writing the model's predictions to files."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from mmf_like.cli.run import console, run

WHAT = """\
Writes the predictions of a trained model. Takes what mmf_run takes; name the split and the weights:
  mmf_predict config=save/config.yaml run_type=test checkpoint.resume_file=save/best.ckpt"""


def main(argv: Sequence[str] | None = None) -> int:
    """Console entry of `mmf_predict`. Returns the exit code."""
    return console("mmf_predict", WHAT, sys.argv[1:] if argv is None else argv, predict=True)


def predict(opts: Sequence[str] | None = None) -> Any:
    """What `mmf_predict` does, for Python; arguments as in `mmf_like.run`."""
    return run(opts, predict=True)


if __name__ == "__main__":
    sys.exit(main())
