"""Fills the lines `% made from code: ...` of a page with Markdown made from the package, before the page is read.

    % made from code: settings                   a table of every setting, section by section
    % made from code: commands                   the help text of every command
    % made from code: modules mmf_like.models    the docstrings of every module below a package

So what these pages say cannot grow old, and nothing generated is kept in the repository.
"""

import importlib
import json
import pkgutil
import re
from pathlib import Path
from typing import Literal, get_args, get_origin

WORDS = {bool: "true or false", int: "whole number", float: "number", str: "text", list: "list", dict: "mapping"}
MARK = re.compile(r"^% made from code: (\w+) ?(.*)$", re.MULTILINE)
ROOT = Path(__file__).parents[2]


def setup(app):
    app.connect("source-read", fill)
    app.connect("env-get-outdated", outdated)
    return {"parallel_read_safe": True}


def fill(app, docname, source):
    source[0] = MARK.sub(lambda mark: MAKERS[mark[1]](*mark[2].split()), source[0])


def outdated(app, env, added, changed, removed):
    """Pages made from code are read again at every build."""
    return [name for name in env.found_docs - added - removed if MARK.search(env.doc2path(name).read_text("utf-8"))]


def settings():
    from mmf_like.config.schema import NOT_YET, section_comments, settings

    comments = section_comments()
    rows = {}
    for setting in settings().values():
        rows.setdefault(setting.path[:-1], []).append(setting)
    text = []
    for section, entries in rows.items():
        name = ".".join(section)
        text.append(
            f"### {name or 'Top level'}\n\n{_sentence(comments.get(section, 'settings that belong to no section'))}\n"
        )
        text += ["| Setting | Default | Type | Meaning |", "|---|---|---|---|"]
        for entry in entries:
            cells = [f"`{entry.key}`", _cell(_value(entry.default)), _type(entry), _meaning(entry, NOT_YET)]
            text.append(f"| {' | '.join(cells)} |")
        text.append("")
    return "\n".join(text)


def commands():
    text = []
    for name, target in scripts().items():
        module = importlib.import_module(target.split(":")[0])
        texts = {"prog": name, "what": getattr(module, "WHAT", "")}
        shown = getattr(module, "HELP", None) or importlib.import_module("mmf_like.cli.run").HELP
        text.append(f"## {name}\n\n```text\n{shown.format(**texts) if '{prog}' in shown else shown}```\n")
    return "\n".join(text)


def scripts():
    """Console commands of pyproject.toml and what they call."""
    table = (ROOT / "pyproject.toml").read_text("utf-8").partition("[project.scripts]")[2].partition("\n[")[0]
    return dict(re.findall(r'^(\w+) = "([\w.:]+)"$', table, re.MULTILINE))


def modules(package):
    return "\n".join(
        f"## {name}\n\n```{{eval-rst}}\n.. automodule:: {name}\n```\n" for name in documented_modules(package)
    )


def documented_modules(package):
    """The public modules of a package that say anything, parents first."""
    found = importlib.import_module(package)
    if not hasattr(found, "__path__"):
        return [package]
    below = [entry.name for entry in pkgutil.walk_packages(found.__path__, f"{package}.")]
    return [name for name in [package, *sorted(below)] if importlib.import_module(name).__doc__]


def _value(default):
    text = default if isinstance(default, str) else json.dumps(default)
    return text.replace('"', "") or "''"


def _cell(text):
    return f"`{text}`".replace("|", "\\|")


def _type(setting):
    """Choices, or the words of the type; the least value where there is one."""
    choices = get_args(setting.type) if get_origin(setting.type) is Literal else ()
    members = [kind for kind in get_args(setting.type) or (setting.type,) if not choices and kind is not type(None)]
    text = ", ".join(f"`{choice}`" for choice in choices) or " or ".join(WORDS[kind] for kind in members)
    if setting.minimum is not None:
        text += f", at least {setting.minimum:g}"
    return text + (" or `null`" if type(None) in get_args(setting.type) else "")


def _meaning(setting, not_yet):
    from mmf_like.common.kinds import plural

    text = setting.comment.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")
    text += f" (`mmf_list {plural(setting.names)}`)" if setting.names else ""
    return text + (" *(no effect yet)*" if setting.key in not_yet else "")


def _sentence(text):
    return text[0].upper() + text[1:].rstrip(".") + "."


MAKERS = {"settings": settings, "commands": commands, "modules": modules}
