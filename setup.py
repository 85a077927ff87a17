"""Builds the wheel: the package, and inside it the YAML of `configs/` and `projects/`."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent


class BuildWithConfigs(build_py):
    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        for folder in ("configs", "projects"):
            shutil.copytree(
                ROOT / folder,
                Path(self.build_lib) / "mmf_like" / folder,
                dirs_exist_ok=True,
                ignore=shutil.ignore_patterns("__pycache__"),
            )


setup(cmdclass={"build_py": BuildWithConfigs})
