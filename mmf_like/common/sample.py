"""Sample, one row of a dataset, and SampleList, the batch that every model, loss and metric receives."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from mmf_like.common.collate import Padding, collate_into
from mmf_like.common.errors import BatchError, MissingField
from mmf_like.common.field_dict import FieldDict, checked_device, map_tensors, table


class Sample(FieldDict):
    """One row: field to value, where a value that is a mapping becomes a `Sample` itself."""

    def __init__(self, init_dict: Mapping[str, Any] | Iterable[tuple[str, Any]] | None = None):
        super().__init__()
        if init_dict:
            self.update(init_dict)

    def __setitem__(self, key: str, value: Any) -> None:
        if isinstance(value, Mapping) and not isinstance(value, Sample):
            value = Sample(value)
        super().__setitem__(key, value)

    def update(self, *others: Any, **fields: Any) -> None:
        for key, value in dict(*others, **fields).items():
            self[key] = value

    def setdefault(self, key: str, default: Any = None) -> Any:
        if key not in self:
            self[key] = default
        return self[key]


class SampleList(FieldDict):
    """A batch, column-wise: tensors with the batch as first dimension, lists, and nested SampleLists.

    Made from a list of samples (then `padding` applies, see `Padding`), a mapping, or a list of pairs. The
    batch size and device are those of the first tensor field that is not 0-d, or of the first nested list.
    """

    def __init__(
        self,
        samples: Iterable[Any] | Mapping[str, Any] | None = None,
        *,
        padding: Mapping[str, Padding] | None = None,
    ):
        super().__init__()
        if samples is None:
            return
        if isinstance(samples, Mapping):
            for name, value in samples.items():
                self.add_field(name, value)
            return
        rows = samples if isinstance(samples, list) else list(samples)
        if not rows:
            return
        if not _is_pair(rows[0]):
            collate_into(self, rows, padding)
        elif isinstance(samples, list):
            for name, value in rows:
                self.add_field(name, value)
        else:
            # torch's scatter and gather rebuild a checked batch from a tuple or generator of pairs.
            dict.update(self, rows)

    def add_field(self, name: str, value: Any) -> None:
        """Set a field: a mapping becomes a SampleList, a tensor must have the batch's size (or be 0-d)."""
        if isinstance(value, Mapping) and not isinstance(value, SampleList):
            value = SampleList(value)
        elif isinstance(value, Tensor) and value.dim() > 0:
            known = self._get_tensor_field()
            if known is not None and known != name and len(self[known]) != len(value):
                raise BatchError(
                    f"Field {name!r} has {len(value)} rows, but this SampleList has {len(self[known])} "
                    f"(field {known!r}). Set it with batch[{name!r}] = ... if it is not one row per sample."
                )
        self[name] = value

    def get_field(self, name: str) -> Any:
        return self[name]

    def get_fields(self, names: Iterable[str]) -> SampleList:
        """A new SampleList with these fields only."""
        picked = SampleList()
        for name in names:
            picked[name] = self[name]
        return picked

    def get_item_list(self, key: str) -> SampleList:
        """The nested field `key` as the only sample of a new SampleList (one more leading dimension)."""
        if not isinstance(self[key], Mapping):
            raise AttributeError(f"Field {key!r} is not a mapping of fields, so it cannot be a sample.")
        return SampleList([self[key]])

    def get_batch_size(self) -> int:
        tensor = self._first_tensor()
        if tensor is None:
            raise BatchError(_no_tensor(self, "batch size"))
        return len(tensor)

    def get_device(self) -> torch.device:
        tensor = self._first_tensor()
        if tensor is None:
            raise BatchError(_no_tensor(self, "device"))
        return tensor.device

    def copy(self) -> SampleList:
        """A new SampleList that shares the values."""
        fresh = type(self)()
        dict.update(fresh, self)
        return fresh

    def to(self, device: str | torch.device, non_blocking: bool = True) -> SampleList:
        """A new SampleList with every tensor on `device`, also those in nested mappings and lists.

        Copies to the CPU always block: a tensor read before a non-blocking one has ended holds anything.
        """
        target = checked_device(device)
        non_blocking = non_blocking and target.type != "cpu"
        return self._mapped(lambda value: value.to(target, non_blocking=non_blocking), "to")

    def pin_memory(self, device: Any = None) -> SampleList:
        """Pins every tensor, in place. `device` is what older loaders pass; it is not used."""
        dict.update(self, self._mapped(lambda value: value.pin_memory(), "pin_memory"))
        return self

    def detach(self) -> SampleList:
        """Detaches every tensor, in place."""
        dict.update(self, self._mapped(lambda value: value.detach(), "detach"))
        return self

    def record_stream(self, stream: Any) -> None:
        """Tells the allocator that `stream` uses these tensors, for copies made ahead on another stream."""
        self._mapped(lambda value: value.record_stream(stream), "record_stream")

    def to_dict(self) -> dict[str, Any]:
        """A plain dict, nested lists as plain dicts."""
        return {name: value.to_dict() if isinstance(value, SampleList) else value for name, value in self.items()}

    def __repr__(self) -> str:
        tensor = self._first_tensor()
        head = "SampleList" if tensor is None else f"SampleList of {len(tensor)}"
        return "\n".join([head, *table(self)]) if self else "SampleList (empty)"

    def _mapped(self, fn: Callable[[Any], Any], having: str) -> SampleList:
        fresh = type(self)()
        for name, value in self.items():
            dict.__setitem__(fresh, name, map_tensors(value, fn, having))
        return fresh

    def _get_tensor_field(self) -> str | None:
        """Name of the first field that is a tensor with rows."""
        for name, value in self.items():
            if isinstance(value, Tensor) and value.dim() > 0:
                return name
        return None

    def _first_tensor(self) -> Tensor | None:
        name = self._get_tensor_field()
        if name is not None:
            return self[name]
        for value in self.values():
            if isinstance(value, SampleList):
                tensor = value._first_tensor()
                if tensor is not None:
                    return tensor
        return None


def convert_batch_to_sample_list(batch: Any, padding: Mapping[str, Padding] | None = None) -> SampleList:
    """`batch` as a SampleList: itself, the only entry of a list, or made from samples, a mapping or pairs."""
    if isinstance(batch, list) and len(batch) == 1 and isinstance(batch[0], SampleList):
        return batch[0]
    return batch if isinstance(batch, SampleList) else SampleList(batch, padding=padding)


def to_device(batch: Any, device: str | torch.device = "cuda") -> Any:
    """The batch on `device`; a mapping becomes a SampleList. Anything else is returned, with a warning."""
    if not isinstance(batch, SampleList):
        if not isinstance(batch, Mapping):
            warnings.warn(f"A batch of type {type(batch).__name__} is not moved: it is no SampleList.", stacklevel=2)
            return batch
        batch = SampleList(batch)
    target = checked_device(device)
    if target.type == "cuda" and not torch.cuda.is_available():
        warnings.warn(f"{target} was asked for, but CUDA is not available: the batch stays on the CPU.", stacklevel=2)
        target = torch.device("cpu")
    tensor = batch._first_tensor()
    there = tensor is not None and tensor.device.type == target.type and target.index in (None, tensor.device.index)
    return batch if there else batch.to(target)


def detach_tensor(value: Any) -> Any:
    """`value` detached, where it can be."""
    return value.detach() if hasattr(value, "detach") else value


def _is_pair(row: Any) -> bool:
    return isinstance(row, (tuple, list)) and len(row) == 2 and isinstance(row[0], str)


def _no_tensor(batch: SampleList, what: str) -> str:
    has = f"Its fields are {', '.join(batch)}." if batch else "It is empty."
    return f"This SampleList has no tensor field, so it has no {what}. {has}"


def register_pytree(cls: type[FieldDict]) -> None:
    """Lets torch's tree functions (FSDP's input casts, checkpointing, export) see the tensors in `cls`."""

    def flatten(fields: Any) -> tuple[list[Any], list[str]]:
        return list(fields.values()), list(fields)

    def flatten_with_keys(fields: Any) -> tuple[list[tuple[Any, Any]], list[str]]:
        return [(pytree.MappingKey(name), value) for name, value in fields.items()], list(fields)

    def unflatten(values: Iterable[Any], names: list[str]) -> Any:
        fresh = cls()
        dict.update(fresh, zip(names, values))
        return fresh

    pytree.register_pytree_node(
        cls,
        flatten,
        unflatten,
        serialized_type_name=f"{cls.__module__}.{cls.__qualname__}",
        flatten_with_keys_fn=flatten_with_keys,
    )


for _cls in (Sample, SampleList):
    register_pytree(_cls)

__all__ = [
    "MissingField",
    "Padding",
    "Sample",
    "SampleList",
    "convert_batch_to_sample_list",
    "detach_tensor",
    "to_device",
]
