"""The side that asks: starts the other process, and makes of its functions functions that can be called here."""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from inspect import Parameter, Signature
from pathlib import Path
from types import TracebackType
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from aevb_np.apart.theirs import arrays_in
from aevb_np.apart.wire import HEAD, LARGEST, MalformedError, Packer, Unpacker, refresh, told
from aevb_np.model import VAE
from aevb_np.optimizers import Optimizer
from aevb_np.params import Params

HERE = Path(__file__).parent
POSIX = os.name == "posix"
WHY = "an endless loop, or training at the top level?"
COMPUTED_TOO_LONG = getattr(signal, "SIGXCPU", 0)
MARK = "AEVB_APART"  # in the environment of what is started, so that what got away can be found
KINDS = "POSITIONAL_ONLY", "POSITIONAL_OR_KEYWORD", "VAR_POSITIONAL", "KEYWORD_ONLY", "VAR_KEYWORD"
PATIENCE = 4
GRACE = 5.0  # seconds for the guard to end everything
ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg", "PYTHONDONTWRITEBYTECODE": "1"}


class GoneError(BaseException):
    """Their process ended, was stopped, or answers nonsense; no check may take it for an error of a function's."""


class LateError(GoneError):
    """It took longer than it may."""


class Apart:
    """A process in which somebody's code runs; leaving the block ends it, and all that it started.

    Parameters
    ----------
    folder : path
        Where it runs; it may write there.
    seconds : float
        That it may compute, and that one answer may take. By the clock it has four times as long, since a busy machine
        keeps it waiting.
    megabytes : int
        That it may use, where the system can limit it; 0 for no limit.
    own : bool
        Whether the folder is theirs alone; then no more than 500 MB may lie in it.
    hidden : list of paths
        Folders that it shall not see, where the system can hide them.
    """

    def __init__(self, folder: str | os.PathLike, seconds: float, megabytes: int = 0, own: bool = False,
                 hidden: Sequence[Path] = ()):  # fmt: skip
        self.folder, self.seconds, self.megabytes, self.own = Path(folder), seconds, megabytes, own
        self.hidden = [str(path) for path in hidden if may_hide(path, self.folder)]
        self.released: list[int] = []
        self.arrays: WeakValueDictionary[int, Any] = WeakValueDictionary()
        self.doing = "the start"
        self.stopped = False
        self.ended: dict[str, Any] | None = None

    def __enter__(self) -> "Apart":
        self.deadline = time.monotonic() + PATIENCE * self.seconds
        self.answer_by = self.deadline
        self.mark = f"{os.getpid()}-{id(self)}-{time.monotonic_ns()}"
        command = [sys.executable, "-P", str(HERE / "theirs.py"), str(self.folder)]
        environment = {**os.environ, **ENVIRONMENT, MARK: self.mark}
        streams: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "env": environment}
        if not POSIX:  # only the process itself can be stopped there, and nobody hears what it prints
            streams |= {"stderr": subprocess.DEVNULL, "cwd": self.folder}
            self.process = subprocess.Popen(command, bufsize=0, **streams)
            self.clock = threading.Timer(PATIENCE * self.seconds, self.process.kill)
            self.clock.start()
            return self
        self.line, other = socket.socketpair()
        guard = [sys.executable, "-I", "-S", str(HERE / "guard.py"), str(other.fileno()), str(self.folder)]
        guard += [
            str(self.megabytes),
            str(self.seconds),
            "own" if self.own else "shared",
            json.dumps(self.hidden),
            *command,
        ]
        with other:
            self.process = subprocess.Popen(guard, bufsize=0, pass_fds=[other.fileno()], cwd=self.folder,
                                            stderr=subprocess.DEVNULL, start_new_session=True, **streams)  # fmt: skip
        os.set_blocking(self.writes, False)
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.end()

    @property
    def writes(self) -> int:
        """The end of a pipe to write requests to."""
        assert self.process.stdin is not None
        return self.process.stdin.fileno()

    @property
    def reads(self) -> int:
        """The end of a pipe to read answers from."""
        assert self.process.stdout is not None
        return self.process.stdout.fileno()

    def stop(self) -> None:
        """End it from another thread; whoever waits for an answer is told."""
        self.stopped, self.deadline, self.answer_by = True, 0.0, 0.0
        if POSIX:
            with contextlib.suppress(OSError):
                self.line.shutdown(socket.SHUT_RDWR)
        else:
            self.process.kill()

    def end(self) -> dict[str, Any]:
        """End it now; how it ended and what it printed, if that is known."""
        if self.ended is None:
            self.ended = {}
            self.ended = self.closed()
        return self.ended

    def closed(self) -> dict[str, Any]:
        """What the guard reports when all is over."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        if not POSIX:
            self.clock.cancel()
        report = self.report() if POSIX else {}
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(GRACE)
        clean = self.process.returncode == 0
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL) if POSIX else self.process.kill()
        if not clean:
            end_marked(self.mark)
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):
                if stream is not None:
                    stream.close()
        return report

    def report(self) -> dict[str, Any]:
        """What the guard says at the end; nothing if it was stopped, or ended by what it guards."""
        said, limit = b"", time.monotonic() + GRACE
        try:
            while (wait := min(limit, self.answer_by + 0.3) - time.monotonic()) > 0:
                if not select.select([self.line], [], [], wait)[0] or not (piece := self.line.recv(2**16)):
                    break
                said += piece
        except OSError:
            pass
        self.line.close()
        try:
            return told(said)
        except MalformedError:
            return {}

    # -- questions

    def ask(self, do: str, packer: Packer, **content: Any) -> dict[str, Any]:
        """Send a request, wait for the answer.

        Raises
        ------
        GoneError
            If there is none, or nothing that can be read.
        Exception
            What their code raised, with its own lines, if it did.
        """
        if not self.stopped:
            self.answer_by = min(self.deadline, time.monotonic() + self.seconds)
        self.send(packer.frame({"do": do, **content}))
        text, rest = (self.read(n) for n in self.lengths())
        try:
            answer = told(text)
            self.rest = rest
            if "error" in answer:
                raised(answer["error"])
            return answer
        except (MalformedError, LookupError, AttributeError) as error:
            if isinstance(error, MalformedError):
                raise GoneError("its answers cannot be read") from error
            raise

    def send(self, frame: bytes) -> None:
        """Write all of it, as long as there is time."""
        view = memoryview(frame)
        while view:
            if POSIX and not select.select([], [self.writes], [], self.left())[1]:
                self.late()
            try:
                view = view[os.write(self.writes, view) :]
            except BlockingIOError:
                continue
            except OSError:
                self.lost()

    def lengths(self) -> tuple[int, int]:
        """Of the answer's tree and of its arrays."""
        lengths = HEAD.unpack(self.read(HEAD.size))
        if sum(lengths) > LARGEST:
            raise GoneError(f"it gave more than {LARGEST // 2**20} MB at once")
        return lengths

    def read(self, count: int) -> bytes:
        """So many bytes of the answer."""
        pieces = []
        while count:
            if POSIX and not select.select([self.reads], [], [], self.left())[0]:
                self.late()
            piece = os.read(self.reads, min(count, 2**20))
            if not piece:
                self.lost()
            pieces.append(piece)
            count -= len(piece)
        return b"".join(pieces)

    def left(self) -> float:
        """Seconds."""
        return max(0.0, self.answer_by - time.monotonic())

    def late(self) -> None:
        """It took too long."""
        if self.stopped:
            raise GoneError("it was interrupted")
        seconds = self.seconds if self.answer_by < self.deadline else PATIENCE * self.seconds
        raise LateError(f"it did not finish in {seconds:g} seconds, in {self.doing}: {WHY}")

    def lost(self) -> None:
        """It ended by itself."""
        if self.stopped or not POSIX and time.monotonic() > self.deadline:
            self.late()
        report = self.end()
        if report.get("full"):
            raise GoneError(f"stopped in {self.doing}: it wrote more than 500 MB")
        if "code" not in report:
            raise GoneError(f"its process ended in {self.doing}, and so did the one that watches over it")
        if report["code"] == -COMPUTED_TOO_LONG:
            raise LateError(f"it did not finish in {self.seconds:g} seconds of computing, in {self.doing}: {WHY}")
        lines = [line for line in str(report["said"][1]).splitlines() if line.strip()]
        last = f": {lines[-1][:300]}" if lines else ""
        raise GoneError(f"the process ended with code {report['code']} in {self.doing}{last}")

    def load(self, cells: Sequence[tuple[str, str]], file: Path, on: bool) -> dict[str, Any] | None:
        """Run code, cell by cell; the first error, if the cells after an error are run all the same (`on`)."""
        self.doing = "loading the file"
        answer = self.ask("load", Packer(), cells=list(cells), file=str(file), on=on, leave=not on)
        self.doing = "the check"
        return answer.get("first")

    def names(self, wanted: Sequence[str] | None = None) -> dict[str, Any]:
        """What the code defines: functions that can be called here, and plain data."""
        found = self.ask("names", Packer(), wanted=wanted)
        try:
            return {str(name): self.unpacker([]).value(tree) for name, tree in found["names"].items()}
        except (MalformedError, LookupError, AttributeError) as error:
            raise GoneError("its answers cannot be read") from error

    def unpacker(self, context: list) -> Unpacker:
        """Reads the last answer; what it gives was made with these arguments."""

        def special(kind: str, content: Any) -> Any:
            if kind == "function":
                number, name, module, parameters = content
                return self.function(int(number), str(name), str(module), parameters, context)
            if kind == "same":
                return arrays_in(context)[content]
            if kind == "again":
                number, tree = content
                array = refresh(self.arrays.get(number), unpacker.value(tree))
                self.arrays[number] = array
                return array
            if kind == "optimizer":
                number, name, step, t = content
                ascend = self.function(int(number), "ascend", "", None, context)
                return optimizer(str(name), ascend, float(step), int(t))
            raise KeyError(kind)

        unpacker = Unpacker(self.rest, special)
        return unpacker

    def function(self, number: int, name: str, module: str, parameters: Any, context: list) -> Callable:
        """One of their functions; `context` is what the function that made it was given, which it may change, too."""
        held = Held(self.released, number)

        def function(*arguments):
            return self.call(held.number, context, list(arguments))

        function.__name__ = function.__qualname__ = name or "function"
        function.__module__ = module
        function.__doc__ = None
        if parameters is not None:
            function.__signature__ = signature(parameters)  # type: ignore[attr-defined]
        return function

    def call(self, number: int, context: list, arguments: list) -> Any:
        """Call a function there; what it did to its arguments is done here, too."""
        packer = Packer(lambda value: of_ours(value, packer))
        released, self.released[:] = list(self.released), []
        trees = {"context": packer.tree(context), "arguments": packer.tree(arguments)}
        answer = self.ask("call", packer, function=number, released=released, **trees)
        everything = [*context, *arguments]
        try:
            unpacker = self.unpacker(everything)
            result = unpacker.value(answer["result"])
            after = unpacker.value(answer["context"]) + unpacker.value(answer["arguments"])
            for mine, theirs in zip(everything, after):
                refresh(mine, theirs)
            return result
        except (MalformedError, LookupError, TypeError) as error:
            raise GoneError("its answers cannot be read") from error


class Held:
    """The number of a function of theirs; when nobody here needs it any more, it can be forgotten there."""

    def __init__(self, released: list[int], number: int):
        self.released, self.number = released, number

    def __del__(self) -> None:
        self.released.append(self.number)


def of_ours(value: Any, packer: Packer) -> Any:
    """The package's own objects as a tree."""
    if isinstance(value, Params):
        return {"params": [value.shapes, packer.tree(value.flat), packer.tree(value.grad)]}
    if isinstance(value, VAE):
        decoder, encoder = value.decoder, value.encoder
        more = [getattr(decoder, name) for name in ("sigmoid_mean", "log_var_floor") if hasattr(decoder, name)]
        return {"model": [[type(decoder).__name__, decoder.n_in, decoder.H, decoder.n_out, *more],
                          [type(encoder).__name__, encoder.n_in, encoder.H, encoder.n_out]]}  # fmt: skip
    return None


def optimizer(name: str, ascend: Callable, step: float, t: int) -> Optimizer:
    """Their optimiser as one of ours."""

    class Theirs(Optimizer):
        """Its memory is theirs, as it is after each gradient."""

        def ascend(self, flat, grad):
            self.t, self.arrays = ascend(flat, grad)

        def move(self, flat, grad, *memory):
            raise NotImplementedError(f"{name} is called by ascend")

    found = Theirs(step if step > 0 else 1.0)
    found.t = t
    return found


def signature(parameters: Any) -> Signature | None:
    """A signature as it was told; None if it cannot be one."""
    try:
        kinds = [getattr(Parameter, name) for name in KINDS]
        return Signature([Parameter(str(name), kinds[kind], default=None if left_out else Parameter.empty)
                          for name, kind, left_out in parameters])  # fmt: skip
    except (ValueError, TypeError, IndexError):
        return Signature([Parameter("arguments", Parameter.VAR_POSITIONAL)])


def raised(error: Any) -> None:
    """Raise what their code raised: the same words, and the lines of their code in the traceback."""
    name, text = str(error["type"])[:100], str(error["text"])
    if error["type"] == "SystemExit":
        raise SystemExit(text)
    known = getattr(sys.modules["builtins"], str(error["kind"]), Exception)
    if error["syntax"] is not None:
        message, file, line = error["syntax"]
        raise SyntaxError(str(message), (str(file), int(line), None, None))
    if not (isinstance(known, type) and issubclass(known, Exception)) or known in (SyntaxError, ExceptionGroup):
        known = Exception
    kind = type(name, (known,), {"__init__": lambda self: None, "__str__": lambda self: text})
    raise_in([(str(file), int(line), str(where)) for file, line, where in error["frames"][:20]], kind())


def raise_in(frames: list[tuple[str, int, str]], error: Exception) -> None:
    """Raise an error as from these lines, the outermost first."""
    if not frames:
        raise error
    (file, line, name), rest = frames[0], frames[1:]
    code = compile("\n" * max(0, min(line, 10**6) - 1) + "go()", file, "exec").replace(co_name=name)
    exec(code, {"go": lambda: raise_in(rest, error)})


def may_hide(path: Path, folder: Path) -> bool:
    """Whether a folder can be hidden from their process: nothing that it needs may be in it."""
    needed = [folder, Path(sys.prefix), Path(sys.base_prefix), HERE, Path(np.__file__), Path(tempfile.gettempdir())]
    hidden = path.resolve()
    return hidden.is_dir() and not any(hidden == one or hidden in one.parents for one in map(Path.resolve, needed))


def end_marked(mark: str) -> None:
    """End every process with this mark in its environment, where /proc shows it."""
    for place in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if f"{MARK}={mark}".encode() in place.read_bytes():
                os.kill(int(place.parent.name), signal.SIGKILL)
