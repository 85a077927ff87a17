"""Commands in processes of their own that start at once: forked from one that has torch imported and done nothing."""

import fcntl
import io
import json
import multiprocessing
import os
import pty
import select
import struct
import sys
import tempfile
import termios
import traceback
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
USER_DIR = ROOT / "tests" / "data" / "user_dir"
PROGRAMS = {"mmf_run": "mmf_like.cli.run", "mmf_predict": "mmf_like.cli.predict"}
PRELOADED = [
    "mmf_like.engine.main",
    "mmf_like.trainers.lightning_trainer",
    "torchvision.io",
    "tests.integration.command",
]
TIME_LIMIT_S = 120

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(PRELOADED)


@dataclass
class Done:
    """How a command ended and what it wrote. A negative code is the signal that killed it."""

    code: int
    out: str
    err: str


def command(*arguments, program="mmf_run", prepare=None, cwd=ROOT):
    """Run a command to its end. `prepare`, a function of a module, is called first in the new process."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        process = _context.Process(target=_child, args=(program, [*map(str, arguments)], prepare, cwd, out, err))
        process.start()
        process.join(TIME_LIMIT_S)
        if process.is_alive():
            process.kill()
            process.join()
        return Done(process.exitcode, out.read_text(), err.read_text())


def command_on_a_terminal(*arguments, program="mmf_run"):
    """What a command shows on a terminal: everything as one text."""
    main, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))  # lines, columns
    name = os.ttyname(terminal)
    process = _context.Process(target=_child, args=(program, [*map(str, arguments)], None, ROOT, name, name))
    process.start()
    shown = b""
    while process.is_alive() or select.select([main], [], [], 0)[0]:
        if select.select([main], [], [], 0.1)[0]:
            shown += os.read(main, 65536)
    process.join()
    os.close(terminal)
    os.close(main)
    return Done(process.exitcode, shown.decode(), "")


def results_of(folder):
    """The results that a run left, without what differs from one run to the next."""
    numbers = json.loads(Path(folder, "results.json").read_text())
    return {key: value for key, value in numbers.items() if "/" in key or key in ("steps", "parameters")}


def _child(program, arguments, prepare, cwd, out, err):
    os.setsid()  # a group of its own, as a terminal gives each command
    multiprocessing.set_start_method("fork", force=True)  # of loading processes; else that of this one
    for place, number in ((out, 1), (err, 2)):
        handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_NOCTTY)
        os.dup2(handle, number)
    sys.stdout, sys.stderr = (io.TextIOWrapper(os.fdopen(n, "wb", 0), write_through=True) for n in (1, 2))
    os.chdir(cwd)
    for name in [name for name in os.environ if name.startswith("MMF_")]:
        del os.environ[name]
    import importlib

    try:
        if prepare is not None:
            prepare()
        code = importlib.import_module(PROGRAMS[program]).main(arguments)
    except SystemExit as ended:
        code = ended.code
    except BaseException:
        traceback.print_exc()
        code = 1
    os._exit(code or 0)
