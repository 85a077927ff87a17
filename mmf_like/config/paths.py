"""Finds the shipped YAML (`configs/`, `projects/`) and the files that a user names."""

from __future__ import annotations

import os
from pathlib import Path

from mmf_like.common.errors import ConfigError, did_you_mean

PACKAGE = Path(__file__).resolve().parents[1]


def project_root() -> Path:
    """The folder that holds `configs/` and `projects/`: the checkout, or the package itself in a wheel."""
    checkout = PACKAGE.parent
    return checkout if (checkout / "configs" / "defaults.yaml").is_file() else PACKAGE


def find_file(
    name: str | os.PathLike[str],
    *,
    user_dir: str | os.PathLike[str] | None = None,
    including: Path | None = None,
) -> Path:
    """The file that `name` means.

    Looked at, in this order: as given (from the working directory), below `user_dir`, below the project root. An
    entry of `includes` (then `including` is the file that says so) is looked for below the project root first and
    beside the including file next. `mmf/configs/...`, as MMF's own files write it, is also tried without `mmf/`.
    """
    candidates = _candidates(Path(name).expanduser(), user_dir, including)
    for candidate in candidates:
        if candidate.is_file():
            return candidate.resolve()
    said = f" (included by {display(including)})" if including is not None else ""
    looked = ", ".join(dict.fromkeys(str(candidate) for candidate in candidates))
    beside = [file for candidate in candidates for file in sorted(candidate.parent.glob("*.yaml")) if file != including]
    near = did_you_mean(Path(name).name, dict.fromkeys(file.name for file in beside))
    raise ConfigError(f"{os.fspath(name)}{said} does not exist.{near} Looked at: {looked}")


def find_folder(name: str | os.PathLike[str]) -> Path | None:
    """`env.user_dir` as an existing path: as given, else below the project root; `None` when there is none."""
    given = Path(name).expanduser()
    return next((path.resolve() for path in (given, project_root() / given) if path.exists()), None)


def display(path: Path | None) -> str:
    """A path as people write it: relative to the project root or the working directory where it is below one."""
    if path is None:
        return ""
    for base in (project_root(), Path.cwd()):
        if path.is_relative_to(base):
            return path.relative_to(base).as_posix()
    return str(path)


def _candidates(name: Path, user_dir: str | os.PathLike[str] | None, including: Path | None) -> list[Path]:
    if name.is_absolute():
        return [name]
    user = [Path(user_dir).expanduser()] if user_dir else []
    # A user_dir of one .py file has its YAML beside it.
    user = [place.parent if place.suffix == ".py" else place for place in user]
    if including is None:
        places = [Path(), *user, *(place.parent for place in user), project_root()]
    else:
        places = [project_root(), including.parent, *user, Path()]
    shorter = [Path(*name.parts[1:])] if len(name.parts) > 1 and name.parts[0] == "mmf" else []
    return [Path(os.path.normpath(place.absolute() / form)) for form in (name, *shorter) for place in places]
