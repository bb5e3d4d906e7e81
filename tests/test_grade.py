"""Grading: whatever one submission does, every other gets the grade that it deserves."""

import csv
import inspect
import json
import re
import shutil
import time
from pathlib import Path

import pytest

from aevb_np.cli import main
from aevb_np.exercises.grade import answered, grade

RIGHT = """
import numpy as np
def gaussian_kl(mu, log_var):
    kl = 0.5 * (mu**2 + np.exp(log_var) - 1 - log_var).sum(axis=1)
    return kl, lambda d: (d[:, None] * mu, 0.5 * d[:, None] * (np.exp(log_var) - 1))
"""
UNWRITTEN = "def gaussian_kl(mu, log_var):\n    raise NotImplementedError()\n"
ENDLESS = "while True:\n    pass\n"
GREEDY = "everything = []\nwhile True:\n    everything.append(bytearray(2**24))\n"
DELETES = "import os, shutil\nshutil.rmtree(os.getcwd(), ignore_errors=True)\n"
SHOUTS = "print('x' * 10**7)\n"


ASIDE = ("helper.py", "numpy.py")  # files that answer no exercise


def notebook(*sources):
    cells = [{"cell_type": "code", "source": source.splitlines(keepends=True)} for source in sources]
    return json.dumps({"cells": [{"cell_type": "markdown", "source": ["# E6"]}, *cells]})


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """Every kind of submission, in one folder; their grades, and the folder of the tables."""
    root = tmp_path_factory.mktemp("class")
    submissions = {
        "ann/ex06.py": RIGHT,
        "bob/ex06.py": RIGHT.replace("0.5 * d[:", "d[:"),
        "cyd/ex06.py": "1 / 0\n" + RIGHT,
        "dan/ex06.py": ENDLESS,
        "eve/ex06.py": GREEDY,
        "fay/ex06_kl.ipynb": notebook("%matplotlib inline\n1 / 0", RIGHT, "check('E6', gaussian_kl)"),
        "gus/ex06.py": UNWRITTEN,
        "hal/ex06.py": DELETES + SHOUTS + RIGHT,
        "ida/ex06.py": "raise SystemExit(3)\n",
        "jim/ex06.ipynb": "this is no notebook",
        "kim.py": f"from aevb_np.exercises import check\n{RIGHT}\ncheck('E6', gaussian_kl)\n",
        "leo/empty.py": "",
        "mia/ex06.py": f"import helper\n{RIGHT}",
        "mia/helper.py": "",
        "mia/numpy.py": "raise SystemExit('this is not NumPy')",
    }
    for name, text in submissions.items():
        path = root / "work" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    flags = ["--out", str(root / "out"), "--seconds", "4", "--memory", "1024"]
    assert main(["grade", str(root / "work"), *flags]) == 0
    with open(root / "out" / "grades.csv", encoding="utf-8", newline="") as file:
        rows = {row["student"]: row for row in csv.DictReader(file) if Path(row["file"]).name not in ASIDE}
    for name, text in submissions.items():  # the originals are as they were
        assert (root / "work" / name).read_text(encoding="utf-8") == text
    return rows, root / "out"


@pytest.mark.parametrize(
    ("student", "state", "fault"),
    [
        ("ann", "passes 3 of 3 public checks", ""),
        ("bob", "gradient", "the 1/2 of log sigma^2's gradient is missing"),
        ("cyd", "it does not run", "it defines no gaussian_kl; cell 1: ZeroDivisionError"),
        ("dan", "it does not run", "stopped after 4 seconds"),
        ("eve", "it does not run", "MemoryError"),
        ("fay", "passes 3 of 3 public checks", ""),
        ("gus", "not written yet", "gaussian_kl is still to be written"),
        ("hal", "passes 3 of 3 public checks", ""),
        ("ida", "it does not run", "SystemExit: 3"),
        ("jim", "it does not run", "it is no notebook"),
        ("kim", "passes 3 of 3 public checks", ""),
        ("mia", "passes 3 of 3 public checks", ""),
        ("leo", "no exercise", "neither its name nor a call of check"),
    ],
)
def test_each_gets_the_grade_it_deserves(graded, student, state, fault):
    rows, _ = graded
    assert rows[student]["state"] == state
    assert rows[student]["fault"].count("gaussian_kl") < 2  # one place, told once
    assert fault in rows[student]["fault"]


def test_gradescope_reads_points(graded):
    _, out = graded
    told = {name: json.loads((out / name / "results.json").read_text())["tests"][0] for name in ("ann", "bob", "dan")}
    assert (told["ann"]["score"], told["ann"]["max_score"], told["ann"]["status"]) == (3, 3, "passed")
    assert told["bob"]["status"] == told["dan"]["status"] == "failed"
    assert told["bob"]["score"] < 3 and told["dan"]["score"] == 0


def test_names_and_calls_say_which_exercise(tmp_path):
    for name, text, keys in (
        ("ex10_adagrad.py", "", ["E10"]),
        ("E7.py", "", ["E7"]),
        ("mine.py", "check('E2', f)\ncheck(\n  \"E1\", g)", ["E1", "E2"]),
        ("exam.py", "", []),
        ("ex99.py", "", []),
    ):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        assert answered(path) == keys


def test_the_time_limit_is_the_same_wherever_it_is_told(capsys):
    seconds = inspect.signature(grade).parameters["seconds"].default
    with pytest.raises(SystemExit):
        main(["grade", "--help"])
    assert re.search(rf"--seconds \S+\s+that one file may take \({seconds:g}\)", capsys.readouterr().out)
    text = (Path(__file__).parent.parent / "notebooks" / "README.md").read_text(encoding="utf-8")
    assert f"A file may take {seconds:g} seconds (`--seconds`)" in " ".join(text.split())


def test_a_right_file_is_far_from_the_limit(tmp_path):
    solution = next((Path(__file__).parent.parent / "notebooks" / "solutions").glob("ex08*"))  # it trains, too
    shutil.copy(solution, tmp_path)
    start = time.perf_counter()
    (one,) = grade(tmp_path)
    assert one.state.startswith("passes") and time.perf_counter() - start < 10


def test_an_empty_folder_is_said_to_be_one(tmp_path):
    with pytest.raises(ValueError, match="holds no notebook and no Python file"):
        list(grade(tmp_path))
