"""Turns samples (rows) into the columns of a batch: tensors stacked once, lists kept, mappings nested."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from numbers import Number
from operator import itemgetter
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import get_worker_info

from mmf_like.common.errors import BatchError, ConfigError, did_you_mean


@dataclass(frozen=True)
class Padding:
    """How the tensors of one field are made equally long before they are stacked.

    `value` fills the end of every dimension in `dims` (of one sample) up to the longest in the batch, or to
    the next multiple of `to` above that length. Dimensions not in `dims` must be equal.
    """

    value: float = 0
    to: str | int = "longest"
    dims: tuple[int, ...] = (0,)

    def __post_init__(self) -> None:
        is_multiple = isinstance(self.to, int) and not isinstance(self.to, bool) and self.to > 0
        if self.to != "longest" and not is_multiple:
            raise ConfigError(f"A padding goes `to` 'longest' or to a multiple (a number above 0), not {self.to!r}.")

    @classmethod
    def of(cls, given: Padding | Mapping[str, Any]) -> Padding:
        """A padding from its settings, as a config file has them: `{value: 1, to: 8}`."""
        if isinstance(given, Padding):
            return given
        known = ("value", "to", "dims")
        for key in given:
            if key not in known:
                raise ConfigError(f"A padding has no setting {key!r}.{did_you_mean(key, known)}")
        settings = dict(given)
        if "dims" in settings:
            settings["dims"] = tuple(settings["dims"])
        return cls(**settings)

    def size(self, shapes: Sequence[Sequence[int]]) -> list[int]:
        """The common size of samples of these shapes."""
        size = list(shapes[0])
        for dim in self.dims:
            longest = max(shape[dim] for shape in shapes)
            size[dim] = longest if isinstance(self.to, str) else -(-longest // self.to) * self.to
        return size


def collate_into(
    batch: MutableMapping[str, Any],
    samples: Sequence[Mapping[str, Any]],
    padding: Mapping[str, Padding] | None = None,
    prefix: str = "",
) -> None:
    """Fill the empty `batch` with one column per field of `samples`; nested mappings become `type(batch)`.

    `padding` is keyed by field, nested ones by dotted name; `prefix` is the dotted name of `batch` itself.
    """
    first = samples[0]
    # Sets of types and lengths, because a Python loop over the samples costs as much as the stacking.
    if not all(issubclass(kind, Mapping) for kind in set(map(type, samples))):
        raise BatchError(_not_a_mapping(samples, prefix))
    if len(set(map(len, samples))) > 1:
        raise BatchError(_other_fields(samples, prefix))
    fields = list(first)
    if not fields:
        return
    try:
        # itemgetter with one name gives the bare value, with more a tuple of them.
        rows = list(map(itemgetter(*fields), samples))
    except KeyError:
        raise BatchError(_other_fields(samples, prefix)) from None
    columns = [rows] if len(fields) == 1 else map(list, zip(*rows))
    for field, column in zip(fields, columns):
        name = f"{prefix}{field}"
        value = column[0]
        if isinstance(value, Tensor):
            batch[field] = _stack(column, name, padding)
        elif isinstance(value, (dict, Mapping)):
            nested = type(batch)()
            collate_into(nested, column, padding, f"{name}.")
            batch[field] = nested
        elif padding and name in padding:
            raise BatchError(f"Field {name!r} has a padding, so it must hold tensors, but holds {_describe(value)}.")
        else:
            batch[field] = column


def _stack(values: list[Any], name: str, padding: Mapping[str, Padding] | None) -> Tensor:
    """All rows in one new tensor of the first row's dtype; in a loader's worker, in shared memory at once."""
    if padding and name in padding:
        return _pad(values, name, padding[name])
    first: Tensor = values[0]
    try:
        # torch.stack itself compares all dimensions, so nothing is checked row by row unless it fails.
        if get_worker_info() is not None and first.layout is torch.strided and first.device.type == "cpu":
            return torch.stack(values, out=_new(first, [len(values), *first.shape]))
        stacked = torch.stack(values)
    except (RuntimeError, TypeError):
        return _stack_unlike(values, name)
    return stacked if stacked.dtype == first.dtype else stacked.to(first.dtype)


def _stack_unlike(values: list[Any], name: str) -> Tensor:
    """For rows that torch would not stack: numbers among 0-d tensors, other dtypes. Or says what is wrong."""
    first: Tensor = values[0]
    rows = []
    for index, value in enumerate(values):
        if isinstance(value, Number) and first.dim() == 0:
            value = torch.as_tensor(value, device=first.device)
        if not isinstance(value, Tensor):
            raise BatchError(f"Field {name!r} of sample {index} is {_describe(value)}, but sample 0 has a tensor.")
        if value.shape != first.shape:
            raise BatchError(
                f"Field {name!r} of sample {index} has shape {tuple(value.shape)}, but sample 0 has "
                f"{tuple(first.shape)}. Give the field a padding or resize it."
            )
        if value.device != first.device:
            raise BatchError(
                f"Field {name!r} of sample {index} is on {value.device}, but sample 0 is on {first.device}. "
                "Make samples on one device."
            )
        rows.append(value.to(first.dtype))
    return torch.stack(rows)


def _pad(values: list[Any], name: str, padding: Padding) -> Tensor:
    first: Tensor = values[0]
    for index, value in enumerate(values):
        if not isinstance(value, Tensor):
            raise BatchError(f"Field {name!r} of sample {index} is {_describe(value)}, but sample 0 has a tensor.")
        outside = [dim for dim in padding.dims if not -value.dim() <= dim < value.dim()]
        if outside:
            raise BatchError(
                f"Field {name!r} is padded in dimension {outside[0]}, which sample {index} of shape "
                f"{tuple(value.shape)} does not have."
            )
    size = padding.size([value.shape for value in values])
    batch = _new(first, [len(values), *size]).fill_(padding.value)
    for index, (row, value) in enumerate(zip(batch, values)):
        fixed = [dim for dim in range(first.dim()) if dim not in {d % first.dim() for d in padding.dims}]
        if value.dim() != first.dim() or any(value.shape[dim] != size[dim] for dim in fixed):
            raise BatchError(
                f"Field {name!r} of sample {index} has shape {tuple(value.shape)}, but sample 0 has "
                f"{tuple(first.shape)}. Its padding is for dimensions {padding.dims} only."
            )
        row[tuple(slice(0, length) for length in value.shape)] = value
    return batch


def _new(like: Tensor, size: list[int]) -> Tensor:
    """An unfilled tensor; inside a loader's worker in shared memory, so that it leaves without a copy."""
    if get_worker_info() is None or like.device.type != "cpu":
        return torch.empty(size, dtype=like.dtype, device=like.device)
    num_bytes = torch.Size(size).numel() * like.element_size()
    storage: Any = torch.UntypedStorage._new_shared(num_bytes)
    return torch.empty(0, dtype=like.dtype).set_(storage).view(size)


def _not_a_mapping(samples: Sequence[Any], prefix: str) -> str:
    index, sample = next((i, sample) for i, sample in enumerate(samples) if not isinstance(sample, Mapping))
    if prefix:
        return f"Field {prefix[:-1]!r} of sample {index} is {_describe(sample)}, but sample 0 has a mapping."
    return f"Sample {index} is {_describe(sample)}. A batch is made of mappings from field to value."


def _other_fields(samples: Sequence[Mapping[str, Any]], prefix: str) -> str:
    """Which sample differs from the first, and in which fields."""
    first = samples[0]
    for index, sample in enumerate(samples):
        for field in first:
            if field not in sample:
                return f"Field {prefix + field!r} is missing from sample {index}, but sample 0 has it."
        for field in sample:
            if field not in first:
                return (
                    f"Field {prefix + field!r} of sample {index} is not in sample 0. All samples need the same fields."
                )
    raise AssertionError("the samples have the same fields")


def _describe(value: Any) -> str:
    if value is None:
        return "None"
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    return f"{'an' if type(value).__name__[0] in 'aeiouAEIOU' else 'a'} {type(value).__name__}"
