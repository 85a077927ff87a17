"""Callback: hooks for users' code in a run, named in `training.callbacks` as `{type, params}`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Callback:
    """Derive, register with `registry.register_callback`, override what you need.

    `config` is the whole config and `trainer` the run's trainer. Every hook takes keywords: `report` (the batch
    joined with the model's output) and `meter` (a dict of the latest numbers) where they exist.
    """

    def __init__(self, config: Mapping[str, Any], trainer: Any, **params: Any):
        self.config, self.trainer, self.params = config, trainer, params

    def on_init_start(self, **kwargs: Any) -> None:
        """Before a checkpoint is loaded."""

    def on_init_end(self, **kwargs: Any) -> None:
        """Model, data and checkpoint are ready."""

    def on_train_start(self, **kwargs: Any) -> None:
        """Before the first batch."""

    def on_train_end(self, **kwargs: Any) -> None:
        """After the last update."""

    def on_batch_start(self, **kwargs: Any) -> None:
        """Before a training batch."""

    def on_batch_end(self, **kwargs: Any) -> None:
        """After a training batch: `report`, `meter`."""

    def on_update_start(self, **kwargs: Any) -> None:
        """Before the first batch of an update."""

    def on_update_end(self, **kwargs: Any) -> None:
        """After an optimizer step: `report`, `meter`, `should_log`."""

    def on_validation_start(self, **kwargs: Any) -> None:
        """Before a validation."""

    def on_validation_end(self, **kwargs: Any) -> None:
        """After a validation: `meter`."""

    def on_validation_batch_start(self, **kwargs: Any) -> None:
        """Before a validation batch."""

    def on_validation_batch_end(self, **kwargs: Any) -> None:
        """After a validation batch: `report`."""

    def on_test_start(self, **kwargs: Any) -> None:
        """Before the test split."""

    def on_test_end(self, **kwargs: Any) -> None:
        """After the test split: `meter`."""

    def on_test_batch_start(self, **kwargs: Any) -> None:
        """Before a test batch."""

    def on_test_batch_end(self, **kwargs: Any) -> None:
        """After a test batch: `report`."""

    def on_prediction_start(self, **kwargs: Any) -> None:
        """Before predictions are made."""

    def on_prediction_end(self, **kwargs: Any) -> None:
        """After the prediction file is written."""

    def teardown(self, **kwargs: Any) -> None:
        """At the end of the run, whatever happened."""
