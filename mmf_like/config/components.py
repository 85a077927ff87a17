"""What the registry knows of a model or dataset before it is imported: its YAML and the keys its `Config` declares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mmf_like.common.errors import did_you_mean
from mmf_like.common.kinds import plural
from mmf_like.common.registry import registry
from mmf_like.common.registry_index import UNKNOWN, ConfigField, Declaration

ROOTS = {
    "BaseModel",
    "BaseDatasetBuilder",
    "MMFDatasetBuilder",
    "LightningDataModule",
    "LightningModule",
    "Module",
    "object",
}
WORDS = {"builder": "dataset", "datamodule": "dataset"}


@dataclass(frozen=True)
class Fields:
    """The fields of a class's `Config` with those it inherits. `closed`: there can be no others."""

    known: dict[str, ConfigField]
    closed: bool


def is_known(kind: str, name: str) -> tuple[bool, str]:
    """Whether `name` is registered, at last after importing the user's code; and why that import failed, if it did."""
    if registry.has(kind, name):
        return True, ""
    try:
        registry.user_code.load()
    except Exception as error:  # the user's own code: it is reported beside the name that is missing
        return False, f"env.user_dir={registry.user_code.path} cannot be imported: {type(error).__name__}: {error}"
    return registry.has(kind, name), ""


def unknown(kind: str, name: Any) -> str:
    """The end of a message about a name that is not registered."""
    word = WORDS.get(kind, kind.replace("_", " "))
    listed = "datasets" if word == "dataset" else plural(kind)
    near = did_you_mean(str(name), registry.names(kind))
    if not near and kind in WORDS and registry.user_code.path is None:
        near = f" If the {word} is your own, name its file or folder: env.user_dir=..."
    return f"no {word} is registered as {name!r}.{near}  (mmf_list {listed})"


def config_path(kind: str, name: str) -> str | None:
    """What the class's `config_path()` returns: read from the source where possible, else by importing the class."""
    declaration = registry.declaration(kind, name)
    while declaration is not None:
        if declaration.config_path == UNKNOWN:
            break
        if declaration.config_path is not None:
            return declaration.config_path
        bases = _unrooted(declaration)
        if not bases:
            return None
        declaration = _class_called(kind, bases[0], declaration)
    found = getattr(registry.find(kind, name), "config_path", None)
    return found() if callable(found) else None


def fields(kind: str, name: str) -> Fields | None:
    """The declared keys of a model's or dataset's section; `None` when its class declares none."""
    declaration = registry.declaration(kind, name)
    known: dict[str, ConfigField] = {}
    closed, declares = True, False
    waiting, seen = [declaration], set()
    while waiting:
        current = waiting.pop(0)
        if current is None:
            closed = False  # a base whose source the registry does not read
            continue
        if current.place in seen:
            continue
        seen.add(current.place)
        if current.config_fields is not None:
            declares = True
            known = {**current.config_fields, **known}
        waiting += [_class_called(kind, base, current) for base in _unrooted(current)]
    return Fields(known, closed) if declares else None


def _unrooted(declaration: Declaration) -> list[str]:
    names = [base.rpartition(".")[2].partition("[")[0] for base in declaration.bases]
    return [name for name in names if name not in ROOTS]


def _class_called(kind: str, target: str, child: Declaration) -> Declaration | None:
    """The registered class of that Python name, nearest to `child`: same module, then any."""
    found = [registry.declaration(kind, name) for name in registry.names(kind)]
    same = [item for item in found if item is not None and item.target == target and item != child]
    return min(same, key=lambda item: item.module != child.module, default=None)
