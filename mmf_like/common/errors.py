"""The exception tree: everything a user can get wrong is an `MMFError`, whose text is all that a command prints."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


class MMFError(Exception):
    """Root of the errors that name a mistake in a config, a file, data or user code."""

    exit_code = 2  # what a command ends with


class ConfigError(MMFError, ValueError):
    """One or more things to mend in a configuration. `problems` holds one line each."""

    def __init__(self, problems: str | Sequence[str]):
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))


class RegistryError(MMFError, LookupError):
    """A name that is not registered, is registered twice, or names a class of the wrong kind."""


class MissingDependency(MMFError, ImportError):
    """An optional package is needed. The text carries the line that installs it."""


class DataError(MMFError, ValueError):
    """A file, row, image or field of a dataset is missing, damaged or has the wrong shape."""


class BatchError(MMFError, ValueError):
    """Samples that do not make a batch, or a batch that lacks what a model or loss needs."""


class MissingField(BatchError, AttributeError, KeyError):
    """A field asked of a Sample, SampleList or Report that does not have it, as attribute or as item.

    The text is made only when it is read, because `hasattr` raises and drops this error.
    """

    def __init__(self, field: str, holder: str, known: Sequence[str]):
        super().__init__(field, holder, known)
        self.field, self.holder, self.known = field, holder, known

    def __str__(self) -> str:
        has = f"It has {', '.join(map(str, self.known))}." if self.known else "It is empty."
        near = did_you_mean(str(self.field), [str(name) for name in self.known])
        return f"The {self.holder} has no field {self.field!r}. {has}{near}"


class CheckpointError(MMFError, RuntimeError):
    """A checkpoint cannot be found, verified, read, written, or belongs to another model."""


class TrainingError(MMFError, RuntimeError):
    """A run that cannot go on, for example because its loss is not finite."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`" Did you mean 'x'?"` for the nearest of `known`, or an empty string when nothing is near."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" Did you mean {near[0]!r}?" if near else ""
