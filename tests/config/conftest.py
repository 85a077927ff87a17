import os
from pathlib import Path

import pytest

from mmf_like.common.registry import registry
from mmf_like.common.user_code import UserCode
from mmf_like.config.assemble import Composed, compose

USER_DIR = Path(__file__).parents[1] / "data" / "user_dir"
BASE = ["model=simple", "dataset=always_one", f"env.user_dir={USER_DIR}"]


@pytest.fixture(autouse=True)
def _a_fresh_place(monkeypatch, tmp_path):
    """No MMF_* variables, no user code of an earlier test, and a working directory of its own."""
    for name in [name for name in os.environ if name.startswith("MMF_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(registry, "user_code", UserCode())
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def write(tmp_path):
    def write_file(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write_file


@pytest.fixture
def composed():
    """Compose the model `simple` on the dataset `always_one` with further arguments."""

    def compose_simple(*args: str, **kwargs: str) -> Composed:
        return compose([*BASE, *args], **kwargs)

    return compose_simple


@pytest.fixture
def problems(composed):
    """The problems of such a composition."""
    from mmf_like.common.errors import ConfigError

    def problems_of(*args: str, **kwargs: str) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            composed(*args, **kwargs)
        return caught.value.problems

    return problems_of
