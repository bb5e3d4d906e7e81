"""A folder of submissions, each run in a process and a temporary copy of its own, and what `check` says of them.

It keeps accidents apart: a submission that crashes, loops, eats memory, prints without end or deletes its files costs
nobody else anything. It is no sandbox: what is run can read, and send, whatever the person who grades can.
"""

import ast
import csv
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from aevb_np._atomic import replacing
from aevb_np.checks.sandbox import finished
from aevb_np.exercises.report import NOT_WRITTEN
from aevb_np.exercises.sheet import EXERCISES, check

NOT_RUN, UNKNOWN = "it does not run", "no exercise"
LARGEST_FILE = 100_000_000  # bytes that a submission may write into one file
COLUMNS = ("student", "file", "exercise", "state", "passed", "checks", "fault")


class Grade(NamedTuple):
    """One exercise of one submission."""

    student: str
    file: str
    exercise: str
    state: str
    passed: int
    checks: int
    fault: str


def grade(folder: str | os.PathLike, seconds: float = 20.0, megabytes: int = 2048, seed: int = 0) -> Iterator[Grade]:
    """Grade every notebook and every Python file under a folder, one after the other.

    A folder inside is a student, with files; a file that lies in no folder is a student by itself. Which exercises a
    file answers is read from its name (ex06_anything, E6.py), else from the calls of `check` in it.

    Parameters
    ----------
    folder : path
    seconds : float
        That one file may take; a right one takes one or two.
    megabytes : int
        That its process may use, where the system can limit it.
    seed : int
        Other numbers and other sizes.

    Raises
    ------
    ValueError
        If there is no such folder, or nothing in it.
    """
    folder = Path(folder)
    files = [path for path in sorted(folder.rglob("*")) if path.suffix in (".py", ".ipynb") and path.is_file()]
    files = [path for path in files if not any(part.startswith((".", "__")) for part in path.relative_to(folder).parts)]
    if not files:
        raise ValueError(f"{folder} holds no notebook and no Python file; submissions are .ipynb or .py files in it")
    for path in files:
        yield from of_file(path, folder, seconds, megabytes, seed)


def of_file(path: Path, folder: Path, seconds: float, megabytes: int, seed: int) -> list[Grade]:
    """The grades of one file."""
    inside = path.relative_to(folder)
    student = inside.parts[0] if len(inside.parts) > 1 else path.stem
    try:
        keys = answered(path)
    except (OSError, ValueError) as error:
        return [Grade(student, str(inside), "", NOT_RUN, 0, 0, f"it cannot be read: {error}")]
    if not keys:
        return [Grade(student, str(inside), "", UNKNOWN, 0, 0, "neither its name nor a call of check says which")]
    told, ending = run_apart(path, folder, keys, seconds, megabytes, seed)
    grades = []
    for key in keys:
        of = told.get(key, {"state": NOT_RUN, "passed": 0, "fault": ending})
        total = len(EXERCISES[key].checks)
        grades.append(Grade(student, str(inside), key, of["state"], of["passed"], total, of["fault"]))
    return grades


def answered(path: Path) -> list[str]:
    """The exercises that a file answers, in their order."""
    source = "\n".join(cells(path))
    named = re.match(r"ex?0*(\d+)(?!\d)", path.stem, re.IGNORECASE)
    found = {f"E{named[1]}"} if named else set(re.findall(r"""check\(\s*["'](E\d+)["']""", source))
    return [key for key in EXERCISES if key in found]


def cells(path: Path) -> list[str]:
    """The code of a notebook, a text for each cell, without lines that only IPython understands; a file is one cell."""
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix == ".py":
        return [text]
    try:
        found = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
        sources = ["".join(cell["source"]) for cell in found]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"it is no notebook ({type(error).__name__})") from None
    return ["\n".join("" if line.lstrip().startswith(("%", "!")) else line for line in s.split("\n")) for s in sources]


# -- the process -------------------------------------------------------------------------------------------------------


def run_apart(
    path: Path, folder: Path, keys: Sequence[str], seconds: float, megabytes: int, seed: int
) -> tuple[dict[str, Any], str]:
    """What the process found of each exercise, and how it ended if it did not find everything."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        here, answer = Path(place) / "copy", Path(place) / "answer.json"
        if path.parent == folder:
            here.mkdir()
            shutil.copy2(path, here)
        else:
            shutil.copytree(path.parent, here)
        words = [str(here / path.name), str(answer), ",".join(keys), str(megabytes), str(seed)]
        command = [sys.executable, "-P", "-m", "aevb_np.exercises.grade"]  # -P: their numpy.py is not ours
        code = finished([*command, *words], seconds, here, subprocess.DEVNULL)
        told = json.loads(answer.read_text(encoding="utf-8")) if answer.exists() else {}
    if code is None:
        return told, f"stopped after {seconds:g} seconds: an endless loop?"
    return told, f"its process ended with code {code}: out of memory, or ended by itself"


def main(path: str, answer: str, keys: str, megabytes: str, seed: str) -> None:
    """What the process does: run the file cell by cell, check what it defines, leave what is known so far."""
    limit(int(megabytes))
    os.environ["MPLBACKEND"] = "Agg"  # pictures open no windows
    space, error = executed(Path(path))
    told: dict[str, Any] = {}
    for key in keys.split(","):
        told[key] = checked(key, space, error, int(seed))
        with replacing(answer, "w") as file:
            json.dump(told, file)


def limit(megabytes: int) -> None:
    """Less memory and shorter files, where the system has such limits."""
    try:
        import resource
    except ImportError:  # Windows
        return
    for what, most in ((resource.RLIMIT_AS, megabytes * 2**20), (resource.RLIMIT_FSIZE, LARGEST_FILE)):
        with suppress(ValueError, OSError):  # the system may allow less already
            resource.setrlimit(what, (most, most))


def executed(path: Path) -> tuple[dict[str, Any], str]:
    """What a file defines, and the first error in it; the cells after it are run all the same."""
    sys.path.append(str(path.parent))  # behind everything: a submission may have modules of its own
    space: dict[str, Any] = {"__name__": "submission", "__file__": str(path)}
    first = ""
    for number, source in enumerate(cells(path), 1):
        try:
            exec(compile(ast.parse(source), path.name, "exec"), space)
        except (Exception, SystemExit) as error:
            first = first or f"cell {number}: {type(error).__name__}: {error}"
    return space, first


def checked(key: str, space: Mapping[str, Any], error: str, seed: int) -> dict[str, Any]:
    """What `check` says of the functions of an exercise."""
    names = EXERCISES[key].names
    if missing := [name for name in names if name not in space]:
        text = f"it defines no {missing[0]}" + (f"; {error}" if error else "")
        return {"state": NOT_RUN if error else NOT_WRITTEN, "passed": 0, "fault": text}
    report = check(key, *(space[name] for name in names), seed=seed)
    fault = report.fault.text if report.fault else ""
    if report.fault and not fault.startswith(report.fault.place):
        fault = f"{report.fault.place}: {fault}"
    return {"state": report.state, "passed": report.passed, "fault": fault}


# -- the tables --------------------------------------------------------------------------------------------------------


def write(out: str | os.PathLike, grades: Sequence[Grade]) -> list[Path]:
    """grades.csv, and STUDENT/results.json in the form that Gradescope reads; the paths."""
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    paths = [out / "grades.csv"]
    with replacing(paths[0], "w") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([COLUMNS, *grades])
    for student in dict.fromkeys(one.student for one in grades):
        tests = [points(one) for one in grades if one.student == student]
        paths.append(out / student / "results.json")
        paths[-1].parent.mkdir(exist_ok=True)
        with replacing(paths[-1], "w") as file:
            json.dump({"tests": tests}, file, indent=1)
    return paths


def points(one: Grade) -> dict[str, Any]:
    """A grade as Gradescope has it: a point for every check that is passed."""
    right = 0 < one.checks == one.passed
    return {"name": one.exercise or one.file, "score": one.passed, "max_score": one.checks,
            "status": "passed" if right else "failed", "output": f"{one.state}. {one.fault}".rstrip(". ")}  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
