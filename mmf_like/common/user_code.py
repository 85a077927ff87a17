"""The user's own code: a folder or one `.py` file, named by `env.user_dir` or `MMF_USER_DIR`."""

from __future__ import annotations

import importlib
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from mmf_like.common.errors import ConfigError, RegistryError
from mmf_like.common.registry_index import Declaration, modules_below, read_file


class UserCode:
    """Where the user's code is, what it registers (read without importing it), and its one import.

    Without a call of `use`, the environment variable `MMF_USER_DIR` names the place.
    """

    def __init__(self) -> None:
        self._path: Path | None = None
        self._indexes: dict[str, dict[str, Declaration]] | None = None
        self._indexed: Path | None = None
        self._module: ModuleType | None = None

    @property
    def path(self) -> Path | None:
        if self._path is not None:
            return self._path
        named = os.environ.get("MMF_USER_DIR")
        return Path(named).expanduser().resolve() if named else None

    def use(self, path: str | os.PathLike[str] | None) -> None:
        """Name the folder or file. It is put on `sys.path`'s search list, not imported yet."""
        if not path:
            return
        resolved = Path(path).expanduser().resolve()
        if not resolved.exists():
            raise ConfigError(
                f"env.user_dir is {str(path)!r}, which does not exist (looked at {resolved}). "
                "Name a folder with an __init__.py, or one .py file."
            )
        if self._path != resolved:
            self._path, self._indexes, self._module = resolved, None, None

    def index(self, kind: str) -> dict[str, Declaration]:
        """Names of `kind` that the user's files register, read from their source."""
        path = self.path
        if path is None or not path.exists():
            return {}
        if self._indexes is None or self._indexed != path:
            self._put_on_path(path)
            self._indexes, self._indexed = {}, path
            for file, module in modules_below(path, path.stem):
                for declaration in read_file(file, module):
                    shelf = "builder" if declaration.kind == "datamodule" else declaration.kind
                    self._indexes.setdefault(shelf, {}).setdefault(declaration.name, declaration)
        return self._indexes.get(kind, {})

    def load(self) -> ModuleType | None:
        """Import the user's package once (its `__init__` runs), also as `mmf_user_dir`. `None` when there is none."""
        path = self.path
        if path is None or not path.exists():
            return None
        if self._module is None:
            self._put_on_path(path)
            self._module = importlib.import_module(path.stem)
            sys.modules["mmf_user_dir"] = self._module
        return self._module

    @staticmethod
    def _put_on_path(path: Path) -> None:
        """Spawned loader workers inherit `sys.path`, so classes of this folder unpickle there."""
        parent = str(path.parent)
        if not path.stem.isidentifier():
            raise RegistryError(
                f"env.user_dir {path} cannot be imported: its name must be a Python name (letters, digits, '_')."
            )
        if parent not in sys.path:
            sys.path.insert(0, parent)
            importlib.invalidate_caches()
        spec = find_spec(path.stem) if path.stem not in sys.modules else sys.modules[path.stem].__spec__
        origin = Path(spec.origin).resolve() if spec is not None and spec.origin else None
        ours = path / "__init__.py" if path.is_dir() else path
        if origin is not None and origin != ours.resolve():
            raise RegistryError(
                f"env.user_dir {path} has the name of another Python module ({origin}). Rename the folder or file."
            )
