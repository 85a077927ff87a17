"""Image files to tensors."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from torch import Tensor

from mmf_like.common.errors import DataError

_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8")  # what torchvision reads; the rest goes through Pillow
_ENDS = {b"\xff\xd8\xff": b"\xff\xd9", b"\x89PNG": b"IEND\xaeB`\x82"}


def decode_image(path: str | os.PathLike[str], mode: str = "RGB") -> Tensor:
    """The image in a file as uint8 (channels, height, width), turned as its EXIF data say.

    `mode` is `RGB`, `GRAY`, `RGB_ALPHA` or `UNCHANGED` (the channels of the file). Of an animation the first frame.
    """
    # Imported here, because torchvision takes seconds and not every command sees images.
    from torchvision.io import ImageReadMode
    from torchvision.io import decode_image as decode

    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise DataError(f"There is no image {path} (looked in {Path(path).absolute().parent}).") from None
    except OSError as error:
        raise DataError(f"The image {path} cannot be read: {error.strerror}.") from error
    if not data:
        raise DataError(f"{path} is cut short or not an image: it has 0 bytes.")
    signature = next((start for start in _SIGNATURES if data.startswith(start)), None)
    if signature in _ENDS and _ENDS[signature] not in data[-1024:]:
        raise DataError(f"{path} is cut short or not an image: its {len(data)} bytes have no end-of-image mark.")
    try:
        if signature is None:
            return _decode_with_pillow(path, mode)
        # bytearray, because torch wants memory that it could write to.
        encoded = torch.frombuffer(bytearray(data), dtype=torch.uint8)
        image = decode(encoded, ImageReadMode[mode], apply_exif_orientation=True)
    except (RuntimeError, OSError, ValueError, SyntaxError) as error:
        reason = str(error).split("\n")[0][:120]
        raise DataError(f"{path} is cut short or not an image: {reason} ({len(data)} bytes).") from error
    if image.dim() == 4:
        image = image[0]
    return image if image.dtype == torch.uint8 else (image.to(torch.int32) >> 8).to(torch.uint8)  # 16-bit PNG


def _decode_with_pillow(path: str | os.PathLike[str], mode: str) -> Tensor:
    from PIL import Image, ImageOps
    from torchvision.transforms.v2.functional import pil_to_tensor

    names = {"RGB": "RGB", "GRAY": "L", "RGB_ALPHA": "RGBA"}
    try:
        with Image.open(path) as opened:
            image = ImageOps.exif_transpose(opened)
            return pil_to_tensor(image.convert(names[mode]) if mode in names else image)
    except Image.UnidentifiedImageError:
        raise ValueError("no known image format") from None
