"""How long commands take to answer, against what their imports alone take."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time

from tools.bench.ratio import Ratio, alternate

CONFIG = ["config=projects/pythia/configs/easy_vqa/defaults.yaml", "model=pythia", "dataset=easy_vqa"]
RUN = "from mmf_like.cli.run import main; import sys; sys.exit(main())"
BARE = "import torch, torchvision.transforms.v2, pytorch_lightning, torchmetrics, omegaconf"


def seconds(*arguments: str) -> float:
    """Wall seconds of one Python process with these arguments."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return time.perf_counter() - start


def measure(rounds: int = 5) -> list[Ratio]:
    found = []

    def add(name: str, bound: float, ours: list[str], other: str) -> None:
        value, a, b = alternate(lambda: seconds("-c", *ours), lambda: seconds("-c", other), rounds)
        found.append(Ratio(name, value, bound, ours=a, other=b))

    seconds("-c", BARE)  # a first run fills the file cache
    add("mmf_run --help / import torch", 0.10, [RUN, "--help"], "import torch")
    add("mmf_run --print-config / import torch", 0.25, [RUN, *CONFIG, "--print-config"], "import torch")
    add("config error / import torch", 0.25, [RUN, *CONFIG, "training.batchsize=1"], "import torch")
    with tempfile.TemporaryDirectory() as folder:
        short = [
            *CONFIG,
            "run_type=train",
            "training.max_updates=1",
            f"env.save_dir={folder}",
            "dataset_config.easy_vqa.max_pictures.train=64",
            "--quiet",
        ]
        add("first step / bare imports", 1.15, [FIRST_STEP, *short], BARE)
    return found


# Leaves at the end of the first update, so that saving and shutting down do not count.
FIRST_STEP = """
import os, sys
from mmf_like.cli.run import main
from mmf_like.trainers import loop
loop.TrainLoop.save = lambda *a, **k: os._exit(0)
sys.exit(main())
"""
