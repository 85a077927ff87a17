"""`mmf_list`: what is registered, with one line about each; imports no torch."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from mmf_like.cli.arguments import parse
from mmf_like.cli.report import print_error
from mmf_like.common.errors import ConfigError, MMFError, did_you_mean

HELP = """\
usage: mmf_list [KIND] [env.user_dir=FOLDER] [--json]

Lists the registered names of a kind with one line about each; without KIND, the kinds and how
many names each has.

examples:
  mmf_list
  mmf_list models
  mmf_list datasets --json
  mmf_list metric env.user_dir=path/to/my_code
"""
WIDTH = 100
WORDS = {"builder": "datasets"}  # the word for people, where the registry's is another


def main(argv: Sequence[str] | None = None) -> int:
    """Console entry of `mmf_list`. Returns the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    try:
        arguments = parse(argv, prog="mmf_list")
        if arguments.help:
            print(HELP, end="")
            return 0
        kind = _settings(arguments.items)
        table = _counts() if kind is None else _names(kind)
        print(
            json.dumps(table, indent=2, ensure_ascii=False) if arguments.json else _text(table, kind),
            end="\n",
        )
    except MMFError as error:
        return print_error("mmf_list", error, as_json="--json" in argv)
    return 0


def kinds() -> dict[str, str]:
    """Every word that names a kind, singular and plural, and the registry's name of it."""
    from mmf_like.common.kinds import KINDS, plural

    words: dict[str, str] = {}
    for name, kind in KINDS.items():
        for word in (name, plural(name)):
            words[word] = kind.shares or name
    return words | {"dataset": "builder", "datasets": "builder"}


def _settings(items: list[str]) -> str | None:
    """The kind that the arguments name; `env.user_dir=...` is put to use."""
    from mmf_like.common.registry import registry

    kind: str | None = None
    for item in items:
        key, equals, value = item.partition("=")
        word = item.replace(" ", "_")
        if key == "env.user_dir" and equals:
            registry.user_code.use(value)
        elif word not in kinds():
            raise ConfigError(f"There is no kind {item!r} of registered things.{did_you_mean(word, kinds())}")
        elif kind is not None:
            raise ConfigError(f"mmf_list takes one kind, not both {kind!r} and {item!r}.")
        else:
            kind = kinds()[word]
    return kind


def _counts() -> dict[str, int]:
    from mmf_like.common.kinds import KINDS, plural
    from mmf_like.common.registry import registry

    own = [name for name, kind in KINDS.items() if not kind.shares]
    return {WORDS.get(name, plural(name)): len(registry.names(name)) for name in own}


def _names(kind: str) -> dict[str, str]:
    from mmf_like.common.registry import registry

    return {name: registry.describe(kind, name) for name in registry.names(kind)}


def _text(table: dict[str, int] | dict[str, str], kind: str | None) -> str:
    if not table:
        from mmf_like.common.kinds import plural

        return f"No {WORDS.get(kind or '', plural(kind or 'model'))} are registered."
    width = max(map(len, table))
    lines = [
        f"{name:<{width}}  {said:>4}" if kind is None else f"{name:<{width}}  {said}" for name, said in table.items()
    ]
    if kind is None:
        lines += ["", "Names and descriptions: mmf_list KIND"]
    return "\n".join(_fitted(line.rstrip()) for line in lines)


def _fitted(line: str) -> str:
    """A line that a terminal shows whole: cut between words."""
    return line if len(line) <= WIDTH else line[: WIDTH - 3].rpartition(" ")[0] + "..."


if __name__ == "__main__":
    sys.exit(main())
