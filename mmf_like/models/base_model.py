"""Stand-in for the base of models, as far as a model file needs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytorch_lightning as pl


class BaseModel(pl.LightningModule):
    @dataclass
    class Config:
        model: str
        losses: list[Any] | None = None

    def __init__(self, config: Any):
        super().__init__()
        self.config = config
        self.data_info: Any = None

    @classmethod
    def config_path(cls) -> str | None:
        return None

    @classmethod
    def format_state_key(cls, key: str) -> str:
        return key

    def load_state_dict(self, state_dict: Any, *args: Any, **kwargs: Any) -> Any:
        return super().load_state_dict({self.format_state_key(k): v for k, v in state_dict.items()}, *args, **kwargs)
