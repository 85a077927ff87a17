"""A training step through our trainer against a plain PyTorch loop over the same model and data.

The two take turns step by step in one process, so that a machine which speeds up or slows down does so for both.
"""

from __future__ import annotations

import copy
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader

from mmf_like.config.assemble import compose
from mmf_like.engine.assemble import assemble
from tools.bench.ratio import Ratio

SIZES: dict[str, tuple[int, int, float]] = {  # name: (batch size, updates, bound)
    "6 ms": (8, 600, 1.10),
    "60 ms": (200, 70, 1.02),
}
WARM_UP = 20
CONFIG = ["config=projects/pythia/configs/easy_vqa/defaults.yaml", "model=pythia", "dataset=easy_vqa"]


def measure(rounds: int = 5) -> list[Ratio]:
    torch.set_num_threads(1)
    found = []
    for name, (batch_size, updates, bound) in SIZES.items():
        pairs = [ours_and_bare(batch_size, updates) for _ in range(rounds)]
        ours, bare = (statistics.median(pair[i] for pair in pairs) * 1e3 for i in (0, 1))
        value = statistics.median(a / b for a, b in pairs)
        found.append(
            Ratio(f"training step at a bare step of about {name}", value, bound, ours=ours, other=bare, unit="ms")
        )
    return found


def ours_and_bare(batch_size: int, updates: int) -> tuple[float, float]:
    """Mean CPU seconds of a step through the trainer, and of a bare step, logging every 50 updates included."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = [
            *CONFIG,
            "run_type=train",
            f"training.batch_size={batch_size}",
            f"training.max_updates={updates}",
            "training.log_interval=50",
            "training.checkpoint_interval=1000000",
            "optimizer={type: AdamW, params: {lr: 0.001}}",
            "training.lr_scheduler=false",
            f"env.save_dir={folder}",
        ]
        parts = assemble(compose(arguments).config, quiet=True)
        bare_step = bare_loop(copy.deepcopy(parts.model), parts.data.datasets("train")[0], batch_size)
        ours: list[float] = []
        bare: list[float] = []
        loop = parts.trainer.loop
        counted: Callable[..., None] = loop.on_train_batch_end
        started = time.process_time()

        def timed(*event: Any) -> None:
            nonlocal started
            counted(*event)
            ended = time.process_time()
            ours.append(ended - started)
            next(bare_step)
            started = time.process_time()
            bare.append(started - ended)

        loop.on_train_batch_end = timed
        loop.save = lambda *a, **k: None  # the cost of saving is another question
        parts.trainer.train()
    return statistics.mean(ours[WARM_UP:]), statistics.mean(bare[WARM_UP:])


def bare_loop(model: Any, dataset: Any, batch_size: int) -> Iterator[None]:
    """The same samples, loss and optimizer in the plainest loop; batches through torch's own DataLoader."""
    loader = DataLoader(dataset, batch_size=batch_size, shuffle=True, drop_last=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    model.train()
    while True:
        for batch in loader:
            optimizer.zero_grad()
            scores = model.forward(batch)["scores"]
            loss = torch.nn.functional.cross_entropy(scores, batch["targets"])
            loss.backward()
            optimizer.step()
            yield
