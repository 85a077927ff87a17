"""Calls a constructor with arguments of a config, and says which of them do not fit."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from mmf_like.common.errors import ConfigError, did_you_mean

T = TypeVar("T")
_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def construct(what: str, target: Callable[..., T], /, *args: Any, **params: Any) -> T:
    """`target(*args, **params)`, where `params` are the user's and `what` says what is built: "encoder 'conv_grid'".

    Raises `ConfigError` for params that `target` does not take or lacks, and for values it refuses with a `TypeError`.
    """
    parameters = list(inspect.signature(target).parameters.values())
    own = [parameter for parameter in parameters[len(args) :] if parameter.kind in _NAMED]
    known = [parameter.name for parameter in own]
    takes = f" It takes: {', '.join(known) or 'nothing'}."
    unknown = [name for name in params if name not in known]
    if unknown and not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        near = did_you_mean(unknown[0], known) if len(unknown) == 1 else ""
        raise ConfigError(f"The {what} does not take {', '.join(map(repr, unknown))}.{near}{takes}")
    missing = [p.name for p in own if p.default is p.empty and p.name not in params]
    if missing:
        raise ConfigError(f"The {what} needs {', '.join(missing)}.{takes}")
    try:
        return target(*args, **params)
    except TypeError as error:
        raise ConfigError(f"The {what} cannot be built from params {params}: {error}") from error
