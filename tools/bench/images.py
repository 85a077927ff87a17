"""Times decode, resize to 224 and normalise of 640x480 JPEGs over a PIL pipeline: `python tools/bench/images.py`."""

from __future__ import annotations

import statistics
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

TARGET = 2.0  # images per second over those of PIL
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def measure(num_images: int = 24, rounds: int = 9) -> dict[str, float]:
    """Images per second of both ways, and the median of their ratio over alternating rounds; one thread."""
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
        times_ours, times_theirs = [], []
        for _ in range(rounds):
            times_ours.append(_seconds(lambda file: ours(decode_image(file)), files))
            times_theirs.append(_seconds(lambda file: theirs(Image.open(file).convert("RGB")), files))
    return {
        "ours_per_s": num_images / statistics.median(times_ours),
        "pil_per_s": num_images / statistics.median(times_theirs),
        "ratio": statistics.median(theirs / ours for ours, theirs in zip(times_ours, times_theirs)),
    }


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
    start = time.perf_counter()
    for file in files:
        load(file)
    return time.perf_counter() - start


if __name__ == "__main__":
    figures = measure()
    print(", ".join(f"{name} {value:.2f}" for name, value in figures.items()), f"(target ratio {TARGET})")
