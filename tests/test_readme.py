"""What README.md and website/ show runs: every fenced block has a rule, and none is passed over.

A page's blocks run in order in one empty working directory, its Python blocks in one process. Runs are cut to a few
updates and pictures from outside, so the pages need not say so.
"""

import contextlib
import multiprocessing
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "website").rglob("*.md"))]
FENCE = re.compile(r"^```(\S*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"(?:[Ss]ave this|[Aa]nd this) as `([\w./]+)`")
SMALL = {  # laid over every run of a page
    "training.max_updates": 3,
    "training.evaluation_interval": 2,
    "training.checkpoint_interval": 2,
    "training.log_interval": 1,
}
SMALL_EASY_VQA = {
    f"dataset_config.easy_vqa.max_pictures.{split}": n for split, n in [("train", 16), ("val", 4), ("test", 4)]
}
ELSEWHERE = {"pip"}  # tests/test_wheel.py builds and installs the wheel


@dataclass
class Block:
    page: str
    line: int
    kind: str
    text: str
    file: str | None  # what the sentence before it says to save it as

    @property
    def place(self):
        return f"{self.page}:{self.line}"


def blocks_of(page):
    source = page.read_text("utf-8")
    for match in FENCE.finditer(source):
        before = source[: match.start()].rstrip()
        named = NAMED.search(before.rpartition("\n\n")[2])
        line = source.count("\n", 0, match.start()) + 1
        yield Block(page.relative_to(ROOT).as_posix(), line, match[1], match[2], named[1] if named else None)


def scripts():
    """Console commands of pyproject.toml: name -> (module, function)."""
    text = (ROOT / "pyproject.toml").read_text("utf-8").partition("[project.scripts]")[2].partition("\n[")[0]
    return {
        name: (module, function) for name, module, function in re.findall(r'^(\w+) = "([\w.]+):(\w+)"$', text, re.M)
    }


class Page:
    """One page's working directory and the processes that run its blocks."""

    def __init__(self, folder):
        self.folder = folder
        # One process has torch imported; each command is a fork of it, as fresh as if it were typed.
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(
            ["torch", "mmf_like.engine.main", "mmf_like.cli.check", "mmf_like.cli.list"]
        )
        self.python, self.count = None, 0

    def run(self, block):
        if block.kind.startswith("{"):
            return  # a directive: tests/test_website.py builds it
        rule = getattr(self, f"run_{block.kind}", None)
        assert rule, f"{block.place}: no rule runs a block of kind {block.kind!r}."
        if block.file:
            file = self.folder / block.file
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text)
        else:
            rule(block)

    def run_python(self, block):
        if self.python is None:
            self.python, there = self.context.Pipe()
            self.context.Process(target=python_page, args=(there, self.folder), daemon=True).start()
        self.python.send((block.place, block.text))
        failure = self.python.recv()
        assert failure is None, f"{block.place}: {failure}"

    def run_sh(self, block):
        for line in block.text.replace("\\\n", " ").splitlines():
            code, out = self.command(block, line)
            assert code == 0, f"{block.place}: `{line}` exits with {code}:\n{out}"

    def run_console(self, block):
        """`$ command`, and below it what the command prints: any number for a number, anything for `...`."""
        for shown in re.split(r"^\$ ", block.text, flags=re.M)[1:]:
            line, _, expected = shown.partition("\n")
            _, out = self.command(block, line)
            assert re.fullmatch(pattern(expected), out.strip(), re.DOTALL), (
                f"{block.place}: `{line}` prints\n{out}\ninstead of\n{expected}"
            )

    def run_yaml(self, block):
        """A piece of a config: it must compose."""
        from mmf_like.config.assemble import compose

        file = self.folder.parent / "piece.yaml"
        file.write_text(block.text)
        compose([f"config={file}", "model=pythia", "dataset=easy_vqa"])

    def run_text(self, block):
        """A drawing; the files of a run that it names must be there."""
        missing = [name for name in re.findall(r"\bsave/[\w./]*", block.text) if not (self.folder / name).exists()]
        assert not missing, f"{block.place} names {missing}, but there is {sorted(self.folder.rglob('*'))}"

    def command(self, block, line):
        words = shlex.split(line, comments=True)
        if not words or words[0] in ELSEWHERE:
            return 0, ""
        if words[0] == "make":
            done = subprocess.run([*words, "-n"], cwd=ROOT, capture_output=True, text=True, check=False)
            return done.returncode, done.stdout + done.stderr
        assert words[0] in scripts(), f"{block.place}: no rule runs the command {words[0]!r}."
        self.count += 1
        output = self.folder.parent / f"{self.folder.name}_{self.count}.out"
        process = self.context.Process(target=command, args=(words, self.folder, output))
        process.start()
        process.join(120)
        return process.exitcode, output.read_text()

    def close(self):
        if self.python is not None:
            self.python.close()


def command(words, folder, output):
    """In a process of its own: one command, its output in a file."""
    file = os.open(output, os.O_WRONLY | os.O_CREAT)
    os.dup2(file, 1), os.dup2(file, 2)
    sys.stdout.reconfigure(line_buffering=True)
    os.chdir(folder)
    make_runs_small()
    module, function = scripts()[words[0]]
    sys.exit(getattr(import_module(module), function)(words[1:]))


def python_page(connection, folder):
    """In a process of its own: a page's Python blocks, one after the other, in one namespace."""
    os.chdir(folder)
    make_runs_small()
    import traceback

    namespace = {"__name__": "__page__"}
    with contextlib.suppress(EOFError):
        while True:
            place, text = connection.recv()
            try:
                exec(compile(text, place, "exec"), namespace)
                connection.send(None)
            except BaseException:
                connection.send(traceback.format_exc())


def make_runs_small():
    from mmf_like.cli import run

    assert Path(run.__file__).is_relative_to(ROOT), run.__file__

    parse = run.parse

    def parse_and_cut(*args, **kwargs):
        arguments = parse(*args, **kwargs)
        arguments.items += cut(arguments.items)
        return arguments

    run.parse = parse_and_cut


def cut(items):
    given = dict(item.split("=", 1) for item in items if "=" in item)
    config = Path(given.get("config", ""))
    datasets = given.get("dataset") or given.get("datasets") or (config.read_text() if config.is_file() else "")
    small = SMALL | (SMALL_EASY_VQA if "easy_vqa" in datasets else {})
    wrong_on_purpose = {key for key, value in given.items() if key in small and not value.isdigit()}
    return [f"{key}={value}" for key, value in small.items() if key not in wrong_on_purpose]


def pattern(expected):
    words = []
    for word in expected.split():
        parts = re.split(r"(\.\.\.|\d[\d,.]*(?:e[+-]\d+)?)", word)
        words.append(
            "".join(
                ".*?" if p == "..." else r"\d[\d,.]*(?:e[+-]\d+)?" if i % 2 else re.escape(p)
                for i, p in enumerate(parts)
            )
        )
    return r"\s+".join(words)


@pytest.fixture
def environment(monkeypatch):
    for name in [name for name in os.environ if name.startswith("MMF_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.mark.parametrize(
    "path", [path for path in PAGES if list(blocks_of(path))], ids=lambda path: path.relative_to(ROOT).as_posix()
)
def test_what_a_page_shows_runs(path, tmp_path, environment):
    folder = tmp_path / "work"
    folder.mkdir()
    page = Page(folder)
    try:
        for block in blocks_of(path):
            page.run(block)
    finally:
        page.close()


@pytest.mark.parametrize("kind", ["bash", "", "json"])
def test_a_block_that_no_rule_runs_is_refused(kind, tmp_path):
    with pytest.raises(AssertionError, match=f"no rule runs a block of kind {kind!r}"):
        Page(tmp_path).run(Block("page.md", 1, kind, "true\n", None))


def test_a_command_that_no_rule_runs_is_refused(tmp_path):
    with pytest.raises(AssertionError, match="no rule runs the command 'curl'"):
        Page(tmp_path).run(Block("page.md", 1, "sh", "curl example.org\n", None))


def test_console_output_is_compared_but_for_numbers():
    assert re.fullmatch(pattern("accuracy 0.99, 3 of 4 ... end"), "accuracy 0.0123, 12 of 1,000 and so on end")
    assert not re.fullmatch(pattern("accuracy 0.99"), "acuracy 0.99")
