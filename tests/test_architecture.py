"""The plan of the house holds: layers lean downwards only, commands start light, names and files agree."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from mmf_like.common.kinds import KINDS
from mmf_like.common.registry import registry
from mmf_like.common.registry_index import modules_below, read_file
from mmf_like.config.assemble import compose

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "mmf_like"
LAYERS = [  # from the bottom; rooms of one line do not import each other
    {"common", "config", "io", "distributed"},
    {"modules", "checkpoint", "text"},
    {"datasets", "models"},
    {"trainers"},
    {"engine"},
    {"cli"},
]
FREE_WITHIN = [{"common", "config", "io", "distributed"}, {"modules", "checkpoint", "text"}]
UNSAFE = {"eval", "exec", "pickle.load", "pickle.loads", "yaml.load", "yaml.unsafe_load", "os.system"}
LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}


SHIPPED = sorted(
    path
    for folder in ("configs", "projects")
    for path in (ROOT / folder).rglob("*.yaml")
    if "zoo" not in path.parts and path != ROOT / "configs" / "defaults.yaml"
)


def named_in(path, kind, section, otherwise):
    """The model or dataset a shipped YAML is for: by its section, else by its place."""
    sections = yaml.safe_load(path.read_text()).get(section) or {}
    names = [*sections, *reversed(path.relative_to(ROOT).parts)]
    return next((name for name in names if registry.has(kind, name)), otherwise)


def imports_of(path):
    """Every `mmf_like.x` a file imports, deferred ones too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def rooms():
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).parts
        if len(parts) > 1:
            yield path, parts[0]


def test_every_room_is_in_the_plan():
    assert {room for _, room in rooms()} == set(LEVEL)


def test_rooms_lean_downwards_only():
    wrong = []
    for path, room in rooms():
        for module in imports_of(path):
            parts = module.split(".")
            if parts[0] != "mmf_like" or len(parts) == 1:
                continue
            other = parts[1]
            same_line = any({room, other} <= rooms for rooms in FREE_WITHIN)
            if other != room and not same_line and LEVEL[other] >= LEVEL[room]:
                wrong.append(f"{path.relative_to(ROOT)} imports {module}")
    assert not wrong


@pytest.mark.parametrize("room", ["registry", "registry_index", "registry_names", "kinds", "user_code", "errors"])
def test_the_registry_needs_the_standard_library_only(room):
    for module in imports_of(PACKAGE / "common" / f"{room}.py"):
        top = module.split(".")[0]
        assert top == "mmf_like" or top in sys.stdlib_module_names


def test_there_is_no_room_for_leftovers():
    forbidden = {"utils", "helpers", "misc"}
    assert not [p for p in PACKAGE.rglob("*") if p.stem in forbidden]


def test_names_read_from_sources_are_the_names_registered_by_importing_everything():
    written = {}
    for path, module in modules_below(PACKAGE, "mmf_like"):
        for declaration in read_file(path, module):
            kind = KINDS[declaration.kind].shares or declaration.kind
            assert declaration.name not in written.get(kind, {}), f"{declaration.place} is registered twice"
            written.setdefault(kind, {})[declaration.name] = declaration
        if not module.startswith("mmf_like.cli"):
            importlib.import_module(module)
    for kind, entries in registry._entries.items():
        ours = {name for name, entry in entries.items() if entry.target.__module__.startswith("mmf_like")}
        assert ours == set(written.get(kind, {})), kind
        for name in ours:
            home = KINDS[kind].home
            assert written[kind][name].module.startswith(home), f"{kind} {name} must be registered in {home}"


def test_importing_the_package_imports_nothing_heavy():
    heavy = {"torch", "omegaconf", "numpy", "yaml"}
    code = f"import sys, mmf_like; print(sorted({heavy!r} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_every_file_says_what_it_is_for():
    silent = [
        str(path.relative_to(ROOT))
        for path in PACKAGE.rglob("*.py")
        if path.read_text().strip() and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert not silent


def test_nothing_unsafe_is_called():
    """No pickle, no eval, no unsafe YAML, no torch.load without weights_only."""
    wrong = []
    for path in [*PACKAGE.rglob("*.py"), *(ROOT / "tools").rglob("*.py")]:
        source = path.read_text()
        tree = ast.parse(source)
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            name = ast.unparse(node.func)
            keywords = {k.arg: ast.unparse(k.value) for k in node.keywords}
            is_safe_yaml = name == "yaml.load" and "Safe" in ast.unparse(node)
            if name in UNSAFE and not is_safe_yaml:
                wrong.append(f"{path.relative_to(ROOT)}:{node.lineno} {name}")
            if name == "torch.load" and keywords.get("weights_only") != "True":
                wrong.append(f"{path.relative_to(ROOT)}:{node.lineno} torch.load without weights_only=True")
    assert not wrong


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_shipped_yaml_composes(path):
    model = named_in(path, "model", "model_config", "pythia")
    dataset = named_in(path, "builder", "dataset_config", "easy_vqa")
    composed = compose([f"config={path}", f"model={model}", f"dataset={dataset}"])
    assert composed.notes == []
