"""`mmf_list`: what is registered, with one line about each or all about one; imports no torch."""

from __future__ import annotations

import ast
import inspect
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from mmf_like.cli.arguments import parse
from mmf_like.cli.report import print_error
from mmf_like.common.errors import ConfigError, MMFError, did_you_mean

HELP = """\
usage: mmf_list [KIND [NAME]] [env.user_dir=FOLDER] [--json]

Lists the registered names of a kind with one line about each; without KIND, the kinds and how
many names each has; with NAME, all that is said about that one. A terminal gets lines of up to
100 characters, a file or pipe whole ones.

examples:
  mmf_list
  mmf_list models
  mmf_list processors vocab
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
        kind, name = _settings(arguments.items)
        if kind is not None and name is not None:
            one = _one(kind, name)
            print(_json(one) if arguments.json else f"{name}: {one['place']}\n\n{one['description']}".rstrip())
            return 0
        table = _counts() if kind is None else _names(kind)
        print(_json(table) if arguments.json else _text(table, kind, cut=sys.stdout.isatty()))
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


def _settings(items: list[str]) -> tuple[str | None, str | None]:
    """The kind and the name that the arguments give; `env.user_dir=...` is put to use."""
    from mmf_like.common.registry import registry

    kind: str | None = None
    name: str | None = None
    for item in items:
        key, equals, value = item.partition("=")
        word = item.replace(" ", "_")
        if key == "env.user_dir" and equals:
            registry.user_code.use(value)
        elif kind is None:
            if word not in kinds():
                raise ConfigError(
                    f"There is no kind {item!r} of registered things.{did_you_mean(word, kinds())} "
                    f"The kinds are: {', '.join(_counts())}."
                )
            kind = kinds()[word]
        elif name is None:
            name = item
        else:
            raise ConfigError(f"mmf_list takes a kind and a name; {item!r} is one too many.")
    return kind, name


def _counts() -> dict[str, int]:
    from mmf_like.common.kinds import KINDS, plural
    from mmf_like.common.registry import registry

    own = [name for name, kind in KINDS.items() if not kind.shares]
    return {WORDS.get(name, plural(name)): len(registry.names(name)) for name in own}


def _names(kind: str) -> dict[str, str]:
    from mmf_like.common.registry import registry

    return {name: registry.describe(kind, name) for name in registry.names(kind)}


def _one(kind: str, name: str) -> dict[str, str]:
    """Kind, name, place and the whole docstring of one entry; what is in a source file is not imported."""
    from mmf_like.common.registry import registry

    if not registry.has(kind, name):
        raise ConfigError(registry.unknown(kind, name))
    declaration = registry.declaration(kind, name)
    if declaration is None:
        entry = registry.entry(kind, name)
        place, said = entry.place, inspect.getdoc(entry.target) or entry.description or ""
    else:
        place = declaration.place
        said = _docstring(declaration.file, declaration.target) or declaration.description
    return {"kind": kind, "name": name, "place": place, "description": said}


def _docstring(file: str, target: str) -> str:
    """The docstring of a class or function at the top level of a source file."""
    for node in ast.parse(Path(file).read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and node.name == target:
            return ast.get_docstring(node) or ""
    return ""


def _json(said: object) -> str:
    return json.dumps(said, indent=2, ensure_ascii=False)


def _text(table: dict[str, int] | dict[str, str], kind: str | None, *, cut: bool = True) -> str:
    if not table:
        from mmf_like.common.kinds import plural

        return f"No {WORDS.get(kind or '', plural(kind or 'model'))} are registered."
    width = max(map(len, table))
    lines = [
        f"{name:<{width}}  {said:>4}" if kind is None else f"{name:<{width}}  {said}" for name, said in table.items()
    ]
    if kind is None:
        lines += ["", "Names and descriptions: mmf_list KIND; all about one: mmf_list KIND NAME"]
    return "\n".join(_fitted(line.rstrip()) if cut else line.rstrip() for line in lines)


def _fitted(line: str) -> str:
    """A line that a terminal shows whole: cut between words."""
    return line if len(line) <= WIDTH else line[: WIDTH - 3].rpartition(" ")[0] + "..."


if __name__ == "__main__":
    sys.exit(main())
