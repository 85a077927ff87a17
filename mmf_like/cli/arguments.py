"""Splits a command line into options and `key=value` arguments; standard library only, so that `--help` is quick."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mmf_like.common.errors import ConfigError, did_you_mean

FLAGS = {
    "--help": "help",
    "-h": "help",
    "--version": "version",
    "--print-config": "print_config",
    "--quiet": "quiet",
    "-q": "quiet",
    "--json": "json",
}
VALUES = {
    "--config-override": "config_override",
    "-co": "config_override",
    "--local-rank": "local_rank",  # what old launchers pass; the rank is read from the environment
    "--why": "why",
}
IGNORED = {"local_rank"}
SETTINGS = {"config", "model", "dataset", "datasets", "run_type", "training", "env", "optimizer", "checkpoint"}


@dataclass
class Arguments:
    """The options of a command, and the rest in order."""

    help: bool = False
    version: bool = False
    print_config: bool = False
    quiet: bool = False
    json: bool = False
    config_override: str | None = None
    why: str | None = None
    items: list[str] = field(default_factory=list)


def parse(argv: Sequence[str], *, prog: str, options: Sequence[str] = ()) -> Arguments:
    """The arguments of command `prog`. `options` names those beyond the common ones that it takes (`"--why"`)."""
    if isinstance(argv, str):
        raise ConfigError(f"{prog} takes a list of arguments: {argv.split()}, not one text.")
    arguments = Arguments()
    waiting = [str(item) for item in argv]
    problems: list[str] = []
    while waiting:
        item = waiting.pop(0)
        name, equals, value = item.partition("=")
        name = _normal(name)
        taken = VALUES.get(name) if name != "--why" or name in options else None
        if name in FLAGS and not equals:
            setattr(arguments, FLAGS[name], True)
        elif taken is not None:
            if not equals and not waiting:
                problems.append(f"{item} takes a value.")
                continue
            text = value if equals else waiting.pop(0)
            if taken not in IGNORED:
                setattr(arguments, taken, text)
        elif item.startswith("-") and name.lstrip("-").partition(".")[0] in SETTINGS:
            key = item.partition("=")[0].lstrip("-")
            problems.append(f"{item}: settings are written without dashes, as {key}={value or '...'}")
        elif item.startswith("-"):
            known = [*FLAGS, *VALUES] if "--why" in options else [*FLAGS, *(set(VALUES) - {"--why"})]
            problems.append(f"{item} is not an option of {prog}.{did_you_mean(name, known)}  ({prog} --help)")
        else:
            arguments.items.append(item)
            # In `key value` the value is taken as it stands: it may begin with `-`, as in `training.seed -1`.
            if "=" not in item and waiting and not _is_option(waiting[0]):
                arguments.items.append(waiting.pop(0))
    if problems and not arguments.help:
        raise ConfigError(problems)
    return arguments


def _normal(name: str) -> str:
    return name.replace("_", "-") if name.startswith("--") else name


def _is_option(item: str) -> bool:
    name = _normal(item.partition("=")[0])
    return name in FLAGS or name in VALUES
