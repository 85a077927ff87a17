"""Images to tensors: `torchvision_transforms` and the transforms that torchvision does not have."""

from __future__ import annotations

import random
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from mmf_like.common.errors import ConfigError, DataError, did_you_mean
from mmf_like.common.registry import registry
from mmf_like.datasets.processors.base import BaseProcessor, plain

# Transforms that draw no random numbers; of any other it is taken for granted that it may.
STEADY = {
    "CenterCrop",
    "ConvertImageDtype",
    "FiveCrop",
    "Grayscale",
    "GrayScaleTo3Channels",
    "Normalize",
    "NormalizeBGR255",
    "Pad",
    "PILToTensor",
    "Resize",
    "ToDtype",
    "ToImage",
    "ToPILImage",
    "ToPureTensor",
    "ToTensor",
}


@registry.register_processor("torchvision_transforms")
class TorchvisionTransforms(BaseProcessor):
    """The `transforms` of the config, one after the other, on an image or on `image` of a dict.

    An image is a uint8 tensor (3, height, width), as `io.images.decode_image` gives, or a PIL image. A
    transform is a name or `{type, params}`, looked up in torchvision.transforms.v2, torchvision.transforms
    and the registered processors. `ToTensor` makes floats from 0 to 1; put `Resize` before it: on uint8 it
    is faster.
    """

    PARAMS = ("transforms",)

    def __init__(self, config: Mapping[str, Any], *args: Any, **kwargs: Any):
        super().__init__(config)
        given = plain(config.get("transforms"))
        if not given:
            raise ConfigError("torchvision_transforms needs `transforms`: a list of names or {type, params}.")
        entries = given if isinstance(given, list) else [given]
        steps = [build_transform(entry, f"transforms[{i}]") for i, entry in enumerate(entries)]
        self.draws_random = any(type(step).__name__ not in STEADY for step in steps)
        self.transforms = _join_normalize(steps)

    def __call__(self, item: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(item, Mapping):
            if "image" not in item:
                has = ", ".join(map(str, item)) or "nothing"
                raise DataError(f"torchvision_transforms needs image, but the item has {has}.")
            return {"image": self.transform(item["image"])}
        return self.transform(item)

    def transform(self, image: Any) -> Any:
        for step in self.transforms:
            image = step(image)
        return image


class ToTensor:
    """uint8 (or a PIL image) to float32 from 0 to 1, channels first; floats stay as they are."""

    def __call__(self, image: Any) -> Tensor:
        if not isinstance(image, Tensor):
            from torchvision.transforms.v2.functional import pil_to_tensor, to_image

            image = pil_to_tensor(image) if hasattr(image, "getbands") else to_image(image)
        if image.is_floating_point():
            return image
        # Decoded images lie channels-last in memory; batches are stacked faster from contiguous ones.
        image = image.to(torch.float32, memory_format=torch.contiguous_format)
        return image.div_(255)


class ToNormalizedTensor:
    """`ToTensor` and `Normalize` in one pass: (x / 255 - mean) / std = (x - 255 mean) / (255 std)."""

    def __init__(self, mean: Sequence[float], std: Sequence[float]):
        self.to_tensor = ToTensor()
        self.mean = torch.tensor(list(mean), dtype=torch.float32).view(-1, 1, 1) * 255
        self.scale = 1 / (torch.tensor(list(std), dtype=torch.float32).view(-1, 1, 1) * 255)

    def __call__(self, image: Any) -> Tensor:
        if not isinstance(image, Tensor) or image.dtype != torch.uint8 or len(image) != len(self.mean):
            return self.to_tensor(image).mul(255).sub_(self.mean).mul_(self.scale)
        # Into a contiguous tensor, whatever the image's layout: see ToTensor.
        result = torch.empty(image.shape, dtype=torch.float32)
        return torch.sub(image, self.mean, out=result).mul_(self.scale)


@registry.register_processor("GrayScaleTo3Channels")
class GrayScaleTo3Channels(BaseProcessor):
    """One channel (1, H, W) three times; images of more channels stay as they are."""

    PARAMS = ()

    def __call__(self, item: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(item, Mapping):
            return {"image": self(item["image"])}
        return item.repeat(3, 1, 1) if item.shape[0] == 1 else item


@registry.register_processor("ResizeShortest")
class ResizeShortest(BaseProcessor):
    """Makes the shorter side `min_size` (drawn from a list), less where the longer would pass `max_size`."""

    PARAMS = ("min_size", "max_size")

    def __init__(
        self,
        config: Mapping[str, Any] | None = None,
        *,
        min_size: int | Sequence[int] | None = None,
        max_size: int | None = None,
    ):
        super().__init__({"min_size": min_size, "max_size": max_size, **(config or {})})
        sizes = self.config["min_size"]
        if not sizes:
            raise ConfigError("ResizeShortest needs min_size, the length of the shorter side in pixels.")
        self.min_sizes = [sizes] if isinstance(sizes, int) else list(sizes)
        self.max_size = self.config["max_size"]

    def __call__(self, item: Any, *args: Any, **kwargs: Any) -> Any:
        from torchvision.transforms.v2.functional import get_size, resize

        height, width = get_size(item)
        return resize(item, list(self.size(height, width)), antialias=True)

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width after resizing."""
        shorter, longer = min(height, width), max(height, width)
        size = random.choice(self.min_sizes) if len(self.min_sizes) > 1 else self.min_sizes[0]
        if self.max_size is not None and longer / shorter * size > self.max_size:
            size = round(self.max_size * shorter / longer)
        if height <= width:
            return size, int(size * width / height)
        return int(size * height / width), size


@registry.register_processor("NormalizeBGR255")
class NormalizeBGR255(BaseProcessor):
    """Normalises (3, H, W) as detectron does: `to_bgr255` makes it BGR up to 255; pads to `pad_size`."""

    PARAMS = ("mean", "std", "to_bgr255", "pad_size")

    def __init__(
        self,
        config: Mapping[str, Any] | None = None,
        *,
        mean: Sequence[float] = (0.0, 0.0, 0.0),
        std: Sequence[float] = (1.0, 1.0, 1.0),
        to_bgr255: bool = True,
        pad_size: int = 0,
    ):
        given = {"mean": mean, "std": std, "to_bgr255": to_bgr255, "pad_size": pad_size}
        super().__init__({**given, **(config or {})})
        self.mean = torch.tensor(list(self.config["mean"]), dtype=torch.float32).view(-1, 1, 1)
        self.std = torch.tensor(list(self.config["std"]), dtype=torch.float32).view(-1, 1, 1)
        self.to_bgr255 = bool(self.config["to_bgr255"])
        self.pad_size = int(self.config["pad_size"])

    def __call__(self, item: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        image = item[[2, 1, 0]] * 255 if self.to_bgr255 else item
        image = (image - self.mean) / self.std
        if self.pad_size <= 0:
            return image
        height, width = image.shape[-2:]
        if height > self.pad_size or width > self.pad_size:
            raise DataError(f"An image of {height} x {width} pixels does not fit pad_size {self.pad_size}.")
        return F.pad(image, (0, self.pad_size - width, 0, self.pad_size - height))


def build_transform(entry: Any, place: str) -> Any:
    """One transform from its name or `{type, params}`; `params` are keywords or a list of arguments."""
    if isinstance(entry, str):
        entry = {"type": entry}
    if not isinstance(entry, Mapping) or "type" not in entry:
        raise ConfigError(f"{place} must be a name or {{type: ..., params: ...}}, not {entry!r}.")
    name, params = entry["type"], entry.get("params") or {}
    found = _find(name, place)
    try:
        with warnings.catch_warnings():
            # Of some transforms that MMF's configs name torchvision says that they will go; they still work.
            warnings.filterwarnings("ignore", category=UserWarning, module="torchvision")
            return found(**_enums(params)) if isinstance(params, Mapping) else found(*params)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{place}: {name} does not take params {params!r}: {error}") from error


def _join_normalize(steps: list[Any]) -> list[Any]:
    """The same steps, with a `Normalize` right after `ToTensor` taken into it."""
    from torchvision.transforms.v2 import Normalize

    joined: list[Any] = []
    for step in steps:
        if isinstance(step, Normalize) and joined and isinstance(joined[-1], ToTensor):
            joined[-1] = ToNormalizedTensor(step.mean, step.std)
        else:
            joined.append(step)
    return joined


def _find(name: str, place: str) -> Any:
    from torchvision import transforms
    from torchvision.transforms import v2

    if name == "ToTensor":
        return ToTensor
    for home in (v2, transforms):
        found = getattr(home, name, None)
        if isinstance(found, type):
            return found
    if registry.has("processor", name):
        return registry.find("processor", name)
    known = {
        *registry.names("processor"),
        *(n for home in (v2, transforms) for n in dir(home) if n[0].isupper()),
    }
    raise ConfigError(
        f"{place}: {name!r} is not a transform of torchvision.transforms.v2 or torchvision.transforms, "
        f"nor a registered processor.{did_you_mean(name, known)}"
    )


def _enums(params: Mapping[str, Any]) -> dict[str, Any]:
    """`interpolation: bicubic` as torchvision's enumeration."""
    if not isinstance(params.get("interpolation"), str):
        return dict(params)
    from torchvision.transforms import InterpolationMode

    return {**params, "interpolation": InterpolationMode(params["interpolation"])}
