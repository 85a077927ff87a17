"""Names to classes, found lazily: `registry.find("model", "pythia")` imports one module, the one that says so.

Classes register under a decorator (`@registry.register_model("pythia")`). Nothing has to be imported beforehand:
on the first miss of a kind its home package is read with `ast` (see `registry_index`), and only the module that
holds the name is imported. Then the user's folder (`env.user_dir` or `MMF_USER_DIR`) and the installed plug-ins
(entry points of the group `mmf_like.plugins`) are asked.

Standard library only, so that a command can list and check names before torch is imported.
"""

from __future__ import annotations

import importlib
import inspect
import sys
import threading
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any, TypeVar

from mmf_like.common.errors import RegistryError, did_you_mean
from mmf_like.common.kinds import KINDS, Kind, plural
from mmf_like.common.registry_index import Declaration, read_package
from mmf_like.common.registry_names import RegistryNames, check_name
from mmf_like.common.user_code import UserCode

PLUGIN_GROUP = "mmf_like.plugins"
T = TypeVar("T")


@dataclass
class Entry:
    """What is filed under a name."""

    kind: str
    name: str
    target: Any
    config_class: type | None = None
    description: str | None = None

    @property
    def module_class(self) -> Any:
        return self.target

    @property
    def place(self) -> str:
        return place_of(self.target)


class Registry(RegistryNames):
    """The names of one process. Use the module's `registry`; separate instances are for tests."""

    def __init__(self) -> None:
        self._entries: dict[str, dict[str, Entry]] = {name: {} for name, k in KINDS.items() if not k.shares}
        self._indexes: dict[str, dict[str, Declaration]] = {}
        self._state: dict[str, Any] = {}
        self._lock = threading.RLock()
        self._plugins_loaded = False
        self._plugin_failures: dict[str, BaseException] = {}
        self.user_code = UserCode()

    # -- registering -----------------------------------------------------------------------------------------

    def add(
        self,
        kind: str,
        name: str,
        target: T,
        *,
        config_class: type | None = None,
        description: str | None = None,
    ) -> T:
        """File `target` under `name`; what every `register_<kind>` decorator does. Returns `target`."""
        spec = _kind(kind)
        check_name(kind, name)
        _check_base(spec, name, target)
        filed = spec.shares or kind
        with self._lock:
            self._refuse_duplicate(filed, name, target)
            self._entries[filed][name] = Entry(filed, name, target, config_class, description)
        return target

    def _refuse_duplicate(self, kind: str, name: str, target: Any) -> None:
        held = self._entries[kind].get(name)
        if held is not None and not _same_definition(held.target, target):
            raise RegistryError(
                f"Two classes are registered as {kind} {name!r}: {held.place} and {place_of(target)}. "
                "Rename one of them."
            )
        module = getattr(target, "__module__", "")
        if module.split(".")[0] == "mmf_like":
            return  # our own names are held apart by a test
        built_in = self._built_ins(kind).get(name)
        if built_in is not None and built_in.module != module:
            raise RegistryError(
                f"{kind} {name!r} is built in ({built_in.place}); {place_of(target)} wants the same name. Rename yours."
            )

    # -- looking up ------------------------------------------------------------------------------------------

    def find(self, kind: str, name: str) -> Any:
        """The class registered as `name`. Raises `RegistryError` with the nearest names when there is none."""
        return self.entry(kind, name).target

    def entry(self, kind: str, name: str) -> Entry:
        """As `find`, with the configuration class and description given at registration."""
        entry = self._look_up(kind, name)
        if entry is None:
            raise RegistryError(self.unknown(kind, name))
        return entry

    def unknown(self, kind: str, name: str) -> str:
        """The one-line message for a name that is not registered: nearest name, then the list."""
        known = self.names(kind)
        text = f"No {kind.replace('_', ' ')} is registered as {name!r}.{did_you_mean(str(name), known)}"
        if len(known) <= 12:
            text += f" Known: {', '.join(known) or 'none'}."
        text += f" (mmf_list {plural(kind)})"
        for plugin, error in self._plugin_failures.items():
            text += f" The plug-in {plugin!r} did not load: {type(error).__name__}: {error}"
        return text

    def names(self, kind: str) -> list[str]:
        """All names of a kind, sorted: built in, from the user's folder and from plug-ins."""
        filed = _kind(kind).shares or kind
        with self._lock:
            self._load_plugins()
            found = set(self._entries[filed]) | set(self._built_ins(filed)) | set(self.user_code.index(filed))
        return sorted(found)

    def name_of(self, kind: str, target: Any) -> str | None:
        """The name a class is registered under, `None` when it is not (or is, in a module not imported yet)."""
        for name, entry in self._entries[_kind(kind).shares or kind].items():
            if entry.target is target:
                return name
        return None

    def has(self, kind: str, name: str) -> bool:
        """Whether `name` is known, without importing the module that holds it."""
        filed = _kind(kind).shares or kind
        with self._lock:
            if name in self._entries[filed] or name in self._built_ins(filed) or name in self.user_code.index(filed):
                return True
            self._load_plugins()
            return name in self._entries[filed]

    def declaration(self, kind: str, name: str) -> Declaration | None:
        """What the source says of a name, read without importing it; `None` when only running code knows it."""
        filed = _kind(kind).shares or kind
        return self._built_ins(filed).get(name) or self.user_code.index(filed).get(name)

    def describe(self, kind: str, name: str) -> str:
        """The one-line description: given at registration, or the first line of the docstring."""
        filed = _kind(kind).shares or kind
        declaration = self.declaration(kind, name)
        if declaration is not None:
            return declaration.description
        entry = self._entries[filed].get(name)
        if entry is None:
            return ""
        return entry.description or (inspect.getdoc(entry.target) or "").split("\n")[0]

    def _look_up(self, kind: str, name: str) -> Entry | None:
        filed = _kind(kind).shares or kind
        entries = self._entries[filed]
        if name in entries:
            return entries[name]
        with self._lock:
            for index in (self._built_ins, self.user_code.index):
                declaration = index(filed).get(name)
                if declaration is not None:
                    importlib.import_module(declaration.module)
                    if name in entries:
                        return entries[name]
            if self.user_code.load() and name in entries:
                return entries[name]
            self._load_plugins()
        return entries.get(name)

    def _built_ins(self, kind: str) -> dict[str, Declaration]:
        if kind not in self._indexes:
            with self._lock:
                self._indexes[kind] = read_package(KINDS[kind].home, kind)
        return self._indexes[kind]

    def _load_plugins(self) -> None:
        if self._plugins_loaded:
            return
        self._plugins_loaded = True
        for point in entry_points(group=PLUGIN_GROUP):
            try:
                point.load()
            except Exception as error:  # one broken plug-in must not hurt who asks for something else
                self._plugin_failures[point.name] = error

    def _get_class(self, kind: str, name: str) -> Any:
        entry = self._look_up(kind, name)
        return entry.target if entry else None

    # -- free-form state, for code written against MMF -----------------------------------------------------------

    def register(self, name: str, obj: Any) -> None:
        """Store `obj` under a dotted name: `register("a.b", 1)` makes `get("a")` the dict `{"b": 1}`."""
        *path, last = name.split(".")
        node = self._state
        for part in path:
            node = node.setdefault(part, {})
            if not isinstance(node, dict):
                raise RegistryError(f"{name!r} cannot be stored: {part!r} already holds a value.")
        node[last] = obj

    def get(self, name: str, default: Any = None, no_warning: bool = False) -> Any:
        """The object under a dotted name, else `default`; a registered `writer` is told unless `no_warning`."""
        node: Any = self._state
        for part in name.split("."):
            if not isinstance(node, dict) or part not in node:
                if not no_warning and "writer" in self._state:
                    self._state["writer"].warning(f"Key {name} is not present in registry, returning default value")
                return default
            node = node[part]
        return node

    def unregister(self, name: str) -> Any:
        """Remove a dotted name and return what it held, or `None`."""
        *path, last = name.split(".")
        node: Any = self._state
        for part in path:
            node = node.get(part) if isinstance(node, dict) else None
        return node.pop(last, None) if isinstance(node, dict) else None


def place_of(target: Any) -> str:
    """`module.Class (file:line)` of a class or function, as far as Python knows it."""
    name = f"{getattr(target, '__module__', '?')}.{getattr(target, '__qualname__', repr(target))}"
    try:
        return f"{name} ({inspect.getsourcefile(target)}:{inspect.getsourcelines(target)[1]})"
    except (OSError, TypeError):
        return name


def _kind(kind: str) -> Kind:
    if kind not in KINDS:
        raise RegistryError(f"There is no kind {kind!r} of registered things.{did_you_mean(kind, KINDS)}")
    return KINDS[kind]


def _check_base(spec: Kind, name: str, target: Any) -> None:
    if spec.base is None:
        return
    module, _, class_name = spec.base.partition(":")
    # A class can only derive from a base whose module has been imported, so nothing is imported to check it.
    base = getattr(sys.modules.get(module), class_name, None)
    if base is None or not (inspect.isclass(target) and issubclass(target, base)):
        raise RegistryError(
            f"{place_of(target)}, registered as {spec.name} {name!r}, must derive from {class_name} ({module})."
        )


def _same_definition(held: Any, new: Any) -> bool:
    """True for the same class, also when its module or notebook cell has been run again."""
    return held is new or place_parts(held) == place_parts(new)


def place_parts(target: Any) -> tuple[str | None, str | None]:
    return getattr(target, "__module__", None), getattr(target, "__qualname__", None)


registry = Registry()
