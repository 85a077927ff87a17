"""Callbacks that end the process in the middle of a run, as a power cut or a person would, or fill the disk."""

import multiprocessing
import os
import resource
import signal

from mmf_like.common.registry import registry
from mmf_like.trainers.callbacks.base import Callback


@registry.register_callback("end_at")
class EndAt(Callback):
    """After update `update`, before training batch `batch`, or before a batch of the split `during` (val, test).

    `how` is `exit` (no clean-up) or a signal's name.
    """

    batches = 0

    def on_batch_start(self, **kwargs):
        self.batches += 1
        if self.batches == self.params.get("batch"):
            self.end()

    def on_update_end(self, **kwargs):
        if self.trainer.state.updates == self.params.get("update"):
            self.end()

    def on_validation_batch_start(self, **kwargs):
        if self.params.get("during") == "val":
            self.end()

    def on_test_batch_start(self, **kwargs):
        if self.params.get("during") == "test":
            self.end()

    def end(self):
        if self.params["how"] == "exit":
            for worker in multiprocessing.active_children():
                worker.kill()
            os._exit(77)
        self.params["during"] = None  # once is enough
        number = getattr(signal, self.params["how"])
        if self.params.get("group"):  # as a terminal does, to loading processes too
            os.killpg(os.getpgid(0), number)
        else:
            os.kill(os.getpid(), number)


@registry.register_callback("full_disk_at")
class FullDiskAt(Callback):
    """From update `update` on no file can grow beyond 16 kB."""

    def on_update_end(self, **kwargs):
        if self.trainer.state.updates == self.params["update"]:
            resource.setrlimit(resource.RLIMIT_FSIZE, (2**14, 2**14))
