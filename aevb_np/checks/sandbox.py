"""Somebody's file, run in a process of its own: whatever it does, the report is ours.

It may crash, exit, loop for ever, print or read; the parent waits no longer than it is told to, and says what was.
"""

import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

from aevb_np._atomic import replacing
from aevb_np.checks import hygiene
from aevb_np.checks.files import checked
from aevb_np.checks.report import Report
from aevb_np.checks.student import DeclarationError, StudentError, called

NOT_RUN = "it does not run"


def check_file(path: str | os.PathLike, seconds: float = 60.0, explain: int = 0) -> Report:
    """The report on a file, which is not imported here.

    Raises
    ------
    ValueError
        If the file does not keep to the page in `aevb_np.checks`: no value, no gradients, a wrong declaration.
    FileNotFoundError
        If there is no such file.
    """
    path = Path(path).resolve()
    if not path.is_file():
        raise FileNotFoundError(2, "there is no such file", str(path))
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        command = [sys.executable, "-m", "aevb_np.checks.sandbox", str(path), str(answer)]
        with open(Path(folder) / "printed", "w+", encoding="utf-8", errors="replace") as printed:
            code = finished(command, seconds, path.parent, printed)
            printed.seek(0)
            said = printed.read(10_000)
        report = read(answer, code, seconds, said)
    report.explain = explain
    return report


def finished(command: list[str], seconds: float, folder: Path, printed: Any) -> int | None:
    """The exit code of a Python of our own kind, or None if it had to be stopped; what it started ends with it."""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    paths = [str(Path(place).resolve()) for place in sys.path if place]  # it starts in another folder
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [*paths, os.environ.get("PYTHONPATH")]))
    group = os.name == "posix"  # elsewhere only the process itself can be stopped
    streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": printed, "stderr": subprocess.STDOUT}
    with subprocess.Popen(command, cwd=folder, env=environment, start_new_session=group, **streams) as process:
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL) if group else process.kill()


def read(answer: Path, code: int | None, seconds: float, said: str) -> Report:
    """The report that the process left, or one that says why it left none."""
    told: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8")) if answer.exists() else {"stage": "the start"}
    if "usage" in told:
        raise ValueError(told["usage"])
    if "report" in told:
        report = Report.from_dict(told["report"])
    else:
        report, stage = Report(), told["stage"]
        if code is None:
            text = f"it did not finish in {seconds:g} seconds, in {stage}: --seconds {10 * seconds:g} gives it more"
            if stage == "loading the file":
                text += ", if it is no endless loop, nor training at the top level"
            report.not_judged = dict.fromkeys(report.asked, text)
            return report
        text = f"the process ended with code {code} in {stage}" + (f": {said.splitlines()[-1]}" if said else "")
        report.add(hygiene.fault("stopped", f"in {stage}", text, NOT_RUN))
        return report
    if lines := [line for line in said.splitlines() if line.strip()]:
        report.notes.append(f"your file printed {len(lines)} line{'s' * (len(lines) > 1)}, beginning: {lines[0][:70]}")
    return report


def main(path: str, answer: str) -> None:
    """What the process does: load, check, leave the answer. Prints go where the parent reads them."""
    leave(answer, {"stage": "loading the file"})
    try:
        module = called(load, path)
        leave(answer, {"stage": "the check"})
        leave(answer, {"report": checked(module).as_dict()})
    except StudentError as failure:
        report = Report()
        report.add(hygiene.fault("exception", failure.where, str(failure), NOT_RUN))
        leave(answer, {"report": report.as_dict()})
    except DeclarationError as error:
        leave(answer, {"usage": str(error)})


def leave(answer: str, content: dict) -> None:
    """Write what is known so far."""
    with replacing(answer, "w") as file:
        json.dump(content, file)


def load(path: str) -> ModuleType:
    """The file as a module."""
    sys.path.insert(0, str(Path(path).parent))
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main(*sys.argv[1:])
