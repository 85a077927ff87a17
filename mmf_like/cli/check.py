"""`mmf_check`: look before running."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence

from mmf_like.cli.arguments import Arguments, parse
from mmf_like.common.errors import ConfigError, MMFError, did_you_mean

HELP = """\
usage: mmf_check config [config=FILE.yaml] model=NAME dataset=NAME [KEY=VALUE ...] [--why KEY]

  config   whether the arguments make a configuration, and what is wrong with it;
           with --why KEY, the files and arguments that set KEY, the last one winning
  --json   the answer as JSON

examples:
  mmf_check config config=my.yaml model=pythia dataset=easy_vqa
  mmf_check config config=my.yaml model=pythia dataset=easy_vqa --why training.batch_size
  mmf_check config config=my.yaml model=pythia dataset=easy_vqa --why training
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Console entry of `mmf_check`. Returns the exit code."""
    from mmf_like.cli.report import print_error

    argv = list(sys.argv[1:] if argv is None else argv)
    if not argv or argv[0] in ("-h", "--help"):
        print(HELP, end="")
        return 0
    try:
        if argv[0] not in COMMANDS:
            known = ", ".join(COMMANDS)
            raise ConfigError(f"mmf_check {argv[0]}: checks are: {known}.{did_you_mean(argv[0], COMMANDS)}")
        arguments = parse(argv[1:], prog="mmf_check", options=["--why"])
        if arguments.help:
            print(HELP, end="")
            return 0
        return COMMANDS[argv[0]](arguments)
    except MMFError as error:
        return print_error("mmf_check", error, as_json="--json" in argv)


def check_config(arguments: Arguments) -> int:
    """Compose the configuration; print "ok" and the notes, or the history of one key."""
    from mmf_like.cli.report import print_notes
    from mmf_like.cli.run import compose_arguments

    composed = compose_arguments(arguments)
    if arguments.why is not None:
        from mmf_like.config.why import explain

        print(explain(composed, arguments.why, as_json=arguments.json))
    else:
        print(json.dumps({"problems": [], "notes": composed.notes}) if arguments.json else "ok")
        if not arguments.json:
            print_notes(composed.notes)
    return 0


COMMANDS: dict[str, Callable[[Arguments], int]] = {"config": check_config}


if __name__ == "__main__":
    sys.exit(main())
