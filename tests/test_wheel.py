"""The wheel works away from the checkout: built, installed in an environment of its own, run from an empty folder."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SMALL = ["training.max_updates=2", *(f"dataset_config.easy_vqa.max_pictures.{s}=4" for s in ("train", "val", "test"))]


def clean_environment():
    hidden = ("MMF_", "PYTHONPATH", "PIP_")
    return {name: value for name, value in os.environ.items() if not name.startswith(hidden)}


def call(*command, cwd):
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=clean_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command} exits with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy of what git tracks, so that no build folder is left behind or picked up."""
    source, dist = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for name in tracked():
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet"]
    call(*pip, "--no-deps", "--no-build-isolation", "--wheel-dir", dist, source, cwd=source)
    (built,) = dist.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The `bin` folder of an environment that holds the wheel, and borrows its dependencies from this one."""
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, with_pip=False)
    paths = sysconfig.get_paths(vars={"base": str(home), "platbase": str(home)})
    site, bin = Path(paths["purelib"]), Path(paths["scripts"])
    # Import hooks of editable installs live in .pth files, which are not read in a folder that a .pth file names.
    (site / "borrowed.pth").write_text(f"{sysconfig.get_paths()['purelib']}\n")
    python = bin / "python"
    pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    call(*pip, "--no-deps", "--no-index", "--ignore-installed", wheel, cwd=home)
    place = call(python, "-c", "import mmf_like; print(mmf_like.__file__)", cwd=home).strip()
    assert Path(place).is_relative_to(site)
    return bin


def tracked():
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    assert listed.returncode == 0, listed.stderr
    return listed.stdout.splitlines()


def test_wheel_holds_package_yaml_and_licence_and_nothing_else(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    yaml = {f"mmf_like/{name}" for name in tracked() if name.split("/")[0] in ("configs", "projects")}
    code = {name for name in tracked() if name.startswith("mmf_like/")}
    assert yaml and not (yaml | code) - names
    (info,) = {name.split("/")[0] for name in names if ".dist-info/" in name}
    assert {f"{info}/licenses/LICENSE", f"{info}/licenses/THIRD_PARTY_DATA.md"} <= names
    assert {name.split("/")[0] for name in names} == {"mmf_like", info}


def test_installed_commands_find_what_the_wheel_holds(installed, tmp_path):
    assert "pythia" in call(installed / "mmf_list", "models", cwd=tmp_path)
    arguments = ["config=projects/pythia/configs/easy_vqa/defaults.yaml", "model=pythia", "dataset=easy_vqa"]
    out = call(installed / "mmf_run", *arguments, *SMALL, cwd=tmp_path)
    assert "test   easy_vqa/accuracy" in out
    assert (tmp_path / "save" / "results.json").is_file()
    assert (tmp_path / "save" / "best.ckpt").is_file()
