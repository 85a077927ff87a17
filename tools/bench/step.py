"""A training step through our trainer against a plain PyTorch loop over the same model and data, on one CPU thread."""

from __future__ import annotations

import tempfile
import time
from functools import partial
from typing import Any

import torch
from torch.utils.data import DataLoader

from mmf_like.config.assemble import compose
from mmf_like.engine.assemble import assemble
from tools.bench.ratio import Ratio, alternate

SIZES: dict[str, tuple[int, list[str], int, float]] = {  # name: (batch size, extra settings, updates per round, bound)
    "6 ms": (24, [], 300, 1.10),
    "60 ms": (256, [], 40, 1.02),
}
CONFIG = ["config=projects/pythia/configs/easy_vqa/defaults.yaml", "model=pythia", "dataset=easy_vqa"]


def clock() -> float:
    """CPU seconds of this process: on shared cores they vary less than wall seconds."""
    return time.process_time()


def measure(rounds: int = 5) -> list[Ratio]:
    torch.set_num_threads(1)
    found = []
    for name, (batch_size, extra, updates, bound) in SIZES.items():
        how = (batch_size, extra, updates)
        value, ours, bare = alternate(partial(ours_s, *how), partial(bare_s, *how), rounds)
        label = f"training step at a bare step of about {name}"
        found.append(Ratio(label, value, bound, ours=ours * 1e3, other=bare * 1e3, unit="ms"))
    return found


def parts_for(batch_size: int, extra: list[str], updates: int, folder: str) -> Any:
    arguments = [
        *CONFIG,
        "run_type=train",
        f"training.batch_size={batch_size}",
        f"training.max_updates={updates}",
        "training.log_interval=50",
        "training.checkpoint_interval=1000000",
        f"env.save_dir={folder}",
        *extra,
    ]
    return assemble(compose(arguments).config, quiet=True)


def ours_s(batch_size: int, extra: list[str], updates: int) -> float:
    """Seconds per update, from the end of update 10 to the end of the last."""
    with tempfile.TemporaryDirectory() as folder:
        parts = parts_for(batch_size, extra, updates, folder)
        times: list[float] = []
        loop = parts.trainer.loop
        counted = loop.on_train_batch_end

        def timed(*arguments: Any) -> None:
            counted(*arguments)
            times.append(clock())

        loop.on_train_batch_end = timed
        loop.save = lambda *a, **k: None
        parts.trainer.train()
    return (times[-1] - times[9]) / (len(times) - 10)


def bare_s(batch_size: int, extra: list[str], updates: int) -> float:
    """The same model, samples, loss and optimizer in the plainest loop; batches through torch's DataLoader."""
    with tempfile.TemporaryDirectory() as folder:
        parts = parts_for(batch_size, extra, updates, folder)
    model, data = parts.model, parts.data
    dataset = data.datasets("train")[0]
    loader = DataLoader(dataset, batch_size=batch_size, shuffle=True, drop_last=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    model.train()
    times: list[float] = []
    while len(times) < updates:
        for batch in loader:
            optimizer.zero_grad()
            scores = model.forward(batch)["scores"]
            targets = batch["targets"]
            loss = torch.nn.functional.binary_cross_entropy_with_logits(scores, targets) * targets.shape[1]
            loss.backward()
            optimizer.step()
            times.append(clock())
            if len(times) == updates:
                break
    return (times[-1] - times[9]) / (len(times) - 10)
