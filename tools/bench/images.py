"""Decoding, resizing and normalising of JPEGs against a pipeline of PIL."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torchvision import transforms
from torchvision.io import write_jpeg

from mmf_like.datasets.processors.image_processors import TorchvisionTransforms
from mmf_like.io.images import decode_image
from tools.bench.ratio import Ratio, alternate

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def measure(num_images: int = 24, rounds: int = 9) -> list[Ratio]:
    """Images per second of our way over those of PIL and torchvision's first transforms, on one thread."""
    torch.set_num_threads(1)
    ours = TorchvisionTransforms(
        {
            "transforms": [
                {"type": "Resize", "params": {"size": [224, 224]}},
                "ToTensor",
                {"type": "Normalize", "params": {"mean": MEAN, "std": STD}},
            ]
        }
    )
    steps = [transforms.Resize([224, 224]), transforms.ToTensor(), transforms.Normalize(MEAN, STD)]
    theirs = transforms.Compose(steps)
    with tempfile.TemporaryDirectory() as folder:
        files = write_photos(Path(folder), num_images)
        ratio, other_s, ours_s = alternate(
            lambda: _seconds(lambda file: theirs(Image.open(file).convert("RGB")), files),
            lambda: _seconds(lambda file: ours(decode_image(file)), files),
            rounds,
        )
    return [
        Ratio(
            "decode + resize + normalise of 640x480 JPEGs over PIL",
            ratio,
            2.0,
            at_least=True,
            ours=num_images / ours_s,
            other=num_images / other_s,
            unit="images/s",
        )
    ]


def write_photos(folder: Path, num: int) -> list[Path]:
    """JPEGs of 640x480 with smooth colours and grain, about as large as photographs."""
    generator = torch.Generator().manual_seed(0)
    files = []
    for index in range(num):
        coarse = torch.rand(1, 3, 12, 16, generator=generator)
        smooth = torch.nn.functional.interpolate(coarse, size=(480, 640), mode="bicubic")[0]
        image = smooth + 0.04 * torch.randn(3, 480, 640, generator=generator)
        files.append(folder / f"{index}.jpg")
        write_jpeg(image.clamp(0, 1).mul(255).to(torch.uint8), str(files[-1]), quality=85)
    return files


def _seconds(load: Callable[[Path], Any], files: list[Path]) -> float:
    start = time.process_time()
    for file in files:
        load(file)
    return time.process_time() - start
