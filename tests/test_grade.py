"""Grading: whatever one submission does, every other gets the grade that it deserves, and nothing is lost."""

import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from aevb_np import cli
from aevb_np.apart import guard, ours
from aevb_np.cli import main
from aevb_np.grading import pages, similarity, table
from aevb_np.grading.roster import Roster, Weights
from aevb_np.grading.running import Limits, graded
from aevb_np.grading.submissions import called_for, cells, collect, named

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
KILLS = "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\n"
FORGES = """
import os, sys, json
for number in range(3, 20):
    try:
        os.write(number, b"\\0" * 7 + b"\\x10" + b"\\0" * 8 + json.dumps({"result": 1}).encode())
    except OSError:
        pass
os._exit(0)
"""
PATCHES = """
import numpy as np, aevb_np.exercises.trial as t, aevb_np.exercises.backwards as b
for module in (t, b):
    for name in ("agree", "measured", "kept"):
        setattr(module, name, lambda *a, **k: None)
def gaussian_kl(mu, log_var):
    return np.zeros(len(mu)), lambda d: (0 * mu, 0 * mu)
"""
LIES = """
import numpy as np
class A(np.ndarray):
    def __sub__(self, other): return np.zeros(self.shape)
    __rsub__ = __sub__
    def __array_ufunc__(self, *a, **k): return np.zeros(self.shape)
def gaussian_kl(mu, log_var):
    return np.zeros(len(mu)).view(A), lambda d: (np.zeros(mu.shape).view(A),) * 2
"""
SIZED = RIGHT.replace("d[:, None]", "d.reshape(7, 1)")  # the size of the check at home
BORROWED = "def gaussian_kl(mu, log_var):\n    return g(mu, log_var)\n"
HALF = """
import numpy as np
from aevb_np.numerics import sigmoid, softplus
def tanh(a):
    h = np.tanh(a)
    return h, lambda dh: dh * (1 - h)
def bernoulli_log_prob(x, logits):
    return (x * logits - softplus(logits)).sum(axis=1), lambda d: d[:, None] * (x - sigmoid(logits))
"""
PASSED = "passes 3 of 3 public checks"


def notebook(*sources):
    cells = [{"cell_type": "code", "source": source.splitlines(keepends=True)} for source in sources]
    return json.dumps({"cells": [{"cell_type": "markdown", "source": ["# E6"]}, *cells]})


def zipped(**files):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "/"), text)
    return content.getvalue()


def laid(root, submissions):
    """A class's folder."""
    for name, content in submissions.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return root


def rows_in(out, file="grades.csv"):
    with open(out / file, encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.fixture(scope="module")
def class_graded(tmp_path_factory):
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
        "ned/ex06.py": KILLS + RIGHT,
        "oda/ex06.py": FORGES,
        "pam/ex06.py": PATCHES,
        "pia/ex06.py": LIES,
        "quy/ex06.py": SIZED,
        "ray/ex06.py": RIGHT.encode("utf-16"),
        "sam/ex06.ipynb": b"\xef\xbb\xbf" + notebook(RIGHT).replace("\\n", "\\r\\n").encode(),
        "tim/notes.pdf": "%PDF",
        "uma/work.zip": zipped(a__ex06=RIGHT, **{"a__ex06.py": RIGHT, "..__evil.py": "1"}),
        "vic/ex05.py": HALF,
        "grades.csv/ex06.py": RIGHT,
        "=1+1/ex06.py": f"from aevb_np import gaussian_kl as g\n{BORROWED}",
        "wyn\x1b[2J\nzed/ex06.py": "raise ValueError('\\ud800\\x1b[31m' + 'x' * 10**6)",
        "xia/ex06.ipynb": "[" * 200_000,
    }  # fmt: skip
    laid(root / "work", submissions)
    (root / "work" / "yan").mkdir()
    os.symlink(root / "work" / "ann" / "ex06.py", root / "work" / "yan" / "ex06.py")
    os.symlink("loop", root / "work" / "loop")
    os.symlink("/nowhere", root / "work" / "bob" / "data")
    os.mkfifo(root / "work" / "ann" / "pipe")
    os.makedirs(os.fsencode(root / "work") + b"/zoe\xff")
    shutil.copy(root / "work" / "ann" / "ex06.py", os.fsencode(root / "work") + b"/zoe\xff/ex06.py")
    flags = ["--out", str(root / "out"), "--seconds", "5", "--memory", "1024"]
    assert main(["grade", str(root / "work"), *flags]) == 0
    for name, content in submissions.items():  # the originals are as they were
        assert (root / "work" / name).read_bytes() == (content if isinstance(content, bytes) else content.encode())
    return {row["student"]: row for row in rows_in(root / "out")}, root


@pytest.mark.parametrize(
    ("student", "state", "passed", "fault"),
    [
        ("ann", PASSED, 3, ""),
        ("bob", "gradient", 2, "the 1/2 of log sigma^2's gradient is missing"),
        ("cyd", "it does not run", 0, "it defines no gaussian_kl; cell 1: ZeroDivisionError"),
        ("dan", "it does not run", 0, "it did not finish in 5 seconds, in loading the file"),
        ("eve", "it does not run", 0, "MemoryError"),
        ("fay", PASSED, 3, ""),
        ("gus", "not written yet", 0, "gaussian_kl is still to be written"),
        ("hal", PASSED, 3, ""),
        ("ida", "it does not run", 0, "SystemExit: 3"),
        ("jim", "it does not run", 0, "it is no notebook"),
        ("kim", PASSED, 3, ""),
        ("leo", "no exercise", 0, "neither its name nor a call of check"),
        ("mia", PASSED, 3, ""),
        ("ned", PASSED, 3, ""),
        ("oda", "it does not run", 0, ""),
        ("pam", "value", 1, "0 everywhere"),
        ("pia", "value", 1, "0 everywhere"),
        ("quy", "code", 0, "cannot reshape"),
        ("ray", PASSED, 3, ""),
        ("sam", PASSED, 3, ""),
        ("tim", "no exercise", 0, "there is no notebook and no Python file, only notes.pdf"),
        ("uma", PASSED, 3, ""),
        ("vic", "gradient", 2, "the square is lost"),
        ("grades.csv", PASSED, 3, ""),
        ("'=1+1", PASSED, 3, ""),
        ("wyn\\x1b[2J\\nzed", "it does not run", 0, "ValueError: \\ud800\\x1b[31mxxx"),
        ("xia", "it does not run", 0, "it is no notebook (RecursionError)"),
        ("yan", "it does not run", 0, "it is a link"),
        ("loop", "no exercise", 0, "it is a link"),
        ("zoe\\udcff", PASSED, 3, ""),
    ],
)
def test_each_gets_the_grade_it_deserves(class_graded, student, state, passed, fault):
    if student == "ned" and sys.platform != "linux":
        pytest.skip("what watches can be killed there")
    row = class_graded[0][student]
    assert (row["state"], int(row["passed"])) == (state, passed), row
    assert row["fault"].count("gaussian_kl") < 2  # one place, told once
    assert fault in row["fault"]


def test_every_student_has_one_row_and_pages_of_his_own(class_graded):
    rows, root = class_graded
    assert len(rows_in(root / "out")) == len(rows) == len(os.listdir(root / "work"))
    folders = [path for path in (root / "out").iterdir() if path.is_dir()]
    assert len(folders) == len(rows)
    assert all((place / name).stat().st_size for place in folders for name in ("feedback.md", "feedback.html"))
    text = "".join(path.read_text(encoding="utf-8") for path in (root / "out").rglob("*.*") if path.is_file())
    assert "\x1b" not in text


def test_gradescope_reads_points_and_no_name_of_a_fault(class_graded):
    _, root = class_graded
    told = {name: json.loads((root / "out" / name / "results.json").read_text())["tests"][0]
            for name in ("ann", "bob", "dan")}  # fmt: skip
    assert (told["ann"]["score"], told["ann"]["max_score"], told["ann"]["status"]) == (3, 3, "passed")
    assert told["bob"]["status"] == told["dan"]["status"] == "failed"
    assert told["bob"]["score"] == 2 and told["dan"]["score"] == 0
    assert "is missing" not in told["bob"]["output"] and "failed      dmu and dlog_var" in told["bob"]["output"]


def test_what_is_the_packages_is_told_and_not_judged(class_graded):
    rows, _ = class_graded
    assert "refers to the package's g" in rows["'=1+1"]["notes"] and "refers" not in rows["ann"]["notes"]


def test_nothing_is_graded_twice_and_wishes_are_heard(class_graded, capsys):
    """The roster, weights and the day when it was due change the tables, not the grades."""
    rows, root = class_graded
    (root / "roster.csv").write_text("id,name\n7,Ann\n8,Bob\n9,Nobody Here\n", encoding="utf-8")
    (root / "weights.csv").write_text("E6,,6\nE6,3,5\n", encoding="utf-8")
    flags = ["--out", str(root / "out"), "--seconds", "5", "--memory", "1024", "--explain", "2"]
    wishes = ["--roster", str(root / "roster.csv"), "--weights", str(root / "weights.csv"), "--due", "2001-01-01"]
    start = time.perf_counter()
    assert main(["grade", str(root / "work"), *flags, *wishes]) == 0 and time.perf_counter() - start < 3
    assert f"{len(rows)} of {len(rows)} files are as they were" in capsys.readouterr().out
    again = {row["student"]: row for row in rows_in(root / "out")}
    assert all(again[name]["state"] == row["state"] for name, row in rows.items())
    assert again["Nobody Here"]["state"] == "nothing handed in" and again["ann"]["name"] == "Ann"
    assert (again["ann"]["points"], again["bob"]["points"], again["bob"]["of"]) == ("9", "4", "9")
    assert again["ann"]["late"].endswith(" hours") and "not on the roster" in again["cyd"]["notes"]
    page = (root / "out" / "bob" / "feedback.md").read_text(encoding="utf-8")
    assert "is missing" in page and "E6, the idea" in page and "4 of 9 points" in page
    (root / "work" / "bob" / "ex06.py").write_text(RIGHT, encoding="utf-8")
    assert main(["grade", str(root / "work" / "bob"), *flags]) == 0
    third = {row["student"]: row for row in rows_in(root / "out")}
    assert third["bob"]["state"] == PASSED and set(third) == set(rows)
    with pytest.raises(ValueError, match="holds the grades of .*; name another folder"):
        table.Table(root / "out", root, [], (), table.Wishes())


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_what_is_graded_is_kept_and_the_run_goes_on(tmp_path, kind):
    slow = "import time\ntime.sleep(2)\n"  # so that the signal comes before the last one is through
    laid(tmp_path / "work", {f"s{i}/ex06.py": slow * (i > 1) + RIGHT for i in range(4)})
    command = [sys.executable, "-u", "-m", "aevb_np", "grade", "work", "--jobs", "1"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        next(line for line in process.stdout if "passes" in line)
        process.send_signal(kind)
        _, said = process.communicate()
    kept = len(rows_in(tmp_path / "grades"))
    assert 1 <= kept < 4
    if kind == signal.SIGINT:
        assert process.returncode == 130 and re.search(r"\d rows are in .*, \d files are missing", said)
    assert main(["grade", str(tmp_path / "work"), "--out", str(tmp_path / "grades")]) == 0
    assert [row["state"] for row in rows_in(tmp_path / "grades")] == [PASSED] * 4


def test_a_place_that_cannot_be_written_is_told_first(tmp_path, capsys):
    laid(tmp_path, {"work/ann/ex06.py": RIGHT, "file": ""})
    assert main(["grade", str(tmp_path / "work"), "--out", str(tmp_path / "file" / "out")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_full_disk_keeps_what_was(tmp_path, monkeypatch, capsys):
    laid(tmp_path / "work", {f"s{i}/ex06.py": RIGHT for i in range(3)})
    written = table.Table.add

    def full(self, i, rows):
        if i == 1:
            raise OSError("could not write grades.json: No space left on device; what was there before is kept")
        written(self, i, rows)

    monkeypatch.setattr(table.Table, "add", full)
    assert main(["grade", str(tmp_path / "work"), "--out", str(tmp_path / "out"), "--jobs", "1"]) == 2
    assert "No space left" in capsys.readouterr().err and len(rows_in(tmp_path / "out")) == 1


def test_names_and_calls_say_which_exercise():
    assert [named(name) for name in ("ex10_adagrad.py", "E7.py", "exam.py", "ex99.py")] == [["E10"], ["E7"], [], []]
    assert called_for("check('E2', f)\ncheck(\n  \"E1\", g)") == ["E1", "E2"]


def test_a_notebooks_text_is_python(tmp_path):
    source = '"""a\n%b\n"""\n'  # a line in a text is no magic
    assert cells(notebook(source, "%cd x\nif True:\n    !ls\n", "%%bash\nls", "x = 1\r\n").encode(), ".ipynb") == [
        source, "pass\nif True:\n    pass\n", "", "x = 1\n"]  # fmt: skip


def test_learning_platforms_names_and_versions(tmp_path):
    laid(tmp_path, {
        "smithann_12345_67890_ex06.ipynb": notebook(UNWRITTEN),
        "smithann_12345_67891_ex06-1.ipynb": notebook(RIGHT),
        "leebo_LATE_55_66_ex06.py": RIGHT,
        "leebo_77_88_ex06.py": RIGHT,
        "Cem Kaya_99_assignsubmission_file_/ex06.py": RIGHT,
        "roster.csv": "id,name\n12345,Ann Smith\n",
    })  # fmt: skip
    os.utime(tmp_path / "smithann_12345_67890_ex06.ipynb", (1, 1))
    work = {one.student: one for one in collect(tmp_path)}
    assert set(work) == {"smithann", "leebo_55", "leebo_77", "Cem Kaya"}
    assert work["leebo_55"].late and not work["leebo_77"].late
    assert work["smithann"].file.endswith("ex06-1.ipynb") and "the newest of 2 versions" in work["smithann"].notes[0]
    roster = Roster([("12345", "Ann Smith"), ("", "Kaya, Cem")])
    rows = [row for one in work.values() if one.student in ("smithann", "Cem Kaya") for row in graded(one, Limits())]
    assert [row.state for row in rows] == [PASSED] * 2 and not roster.missing(rows)


def test_a_folder_of_one_student_is_one_student(tmp_path):
    laid(tmp_path / "ann", {"ex06.py": RIGHT, "ex02.py": "", "helper.py": ""})
    assert {one.student for one in collect(tmp_path / "ann")} == {"ann"}


@pytest.mark.parametrize("lines", ["E6,4,1\n", "E99,,1\n", "E6,x,1\n", "E6,1,-1\n", "E6\n", ""])
def test_weights_that_make_no_sense_are_told(tmp_path, lines):
    (tmp_path / "weights.csv").write_text(lines, encoding="utf-8")
    with pytest.raises(ValueError, match=r"weights\.csv"):
        Weights.read(tmp_path / "weights.csv")


def test_a_page_cannot_be_left():
    assert pages.fenced("a\n````\nb").startswith("`````text\n") and pages.escaped("[x](y) <b>") == r"\[x\](y) \<b\>"


def test_the_same_under_other_names_is_found(tmp_path):
    renamed = re.sub(r"\bkl\b", "value", RIGHT).replace("d:", "upstream:").replace("d[:", "upstream[:")
    laid(tmp_path, {"ann/ex06.py": RIGHT, "bob/ex06.py": f"# my own\n{renamed}", "cyd/ex06.py": UNWRITTEN})
    (pair,) = similarity.pairs(collect(tmp_path))
    assert (pair.student, pair.other, pair.same) == ("ann", "bob", "structure")


def test_the_container_has_no_network(tmp_path, capsys):
    assert main(["grade", str(tmp_path), "--container"]) == 0
    line = capsys.readouterr().out
    assert all(flag in line for flag in ("--network=none", "--read-only", f"{tmp_path}:/class:ro", "--pids-limit"))


ESCAPES = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execve("/bin/sleep", ["sleep", "977"], {})
    os._exit(0)
time.sleep(0.2)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a process can leave its group")
@pytest.mark.parametrize("alone", [True, False])
def test_what_was_started_ends_with_it(tmp_path, monkeypatch, alone):
    """In namespaces of its own and without them, a process with a session of its own and no environment."""
    if not alone:  # the same guard, where the system has no namespaces
        script = Path(guard.__file__).read_text(encoding="utf-8").replace("libc.unshare(NAMESPACES) != 0", "True")
        (tmp_path / "guard.py").write_text(script, encoding="utf-8")
        shutil.copy(Path(guard.__file__).parent / "theirs.py", tmp_path)
        source = (tmp_path / "theirs.py").read_text(encoding="utf-8")
        root = repr(str(Path(guard.__file__).parent.parent.parent))
        (tmp_path / "theirs.py").write_text(re.sub(r"ROOT = .*", f"ROOT = {root}", source), encoding="utf-8")
        monkeypatch.setattr(ours, "HERE", tmp_path)
    laid(tmp_path / "work", {"ann/ex06.py": ESCAPES + RIGHT})
    (one,) = collect(tmp_path / "work")
    (row,) = graded(one, Limits())
    assert row.state == PASSED
    running = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not [line for line in running if line.startswith(b"sleep\x00977")]


def test_the_time_limit_is_the_same_wherever_it_is_told(capsys):
    seconds = Limits().seconds
    with pytest.raises(SystemExit):
        main(["grade", "--help"])
    assert re.search(rf"--seconds \S+\s+that one file may take \({seconds:g}\)", capsys.readouterr().out)
    text = (Path(__file__).parent.parent / "notebooks" / "README.md").read_text(encoding="utf-8")
    assert f"A file may take {seconds:g} seconds (`--seconds`)" in " ".join(text.split())


def test_a_right_file_is_far_from_the_limit(tmp_path):
    solution = next((Path(__file__).parent.parent / "notebooks" / "solutions").glob("ex08*"))  # it trains, too
    shutil.copy(solution, tmp_path)
    before = os.times().children_user  # what it computes, for a busy machine may keep it waiting
    (one,) = graded(collect(tmp_path)[0], Limits())
    assert one.state.startswith("passes") and 0.1 < os.times().children_user - before < 8


def test_an_empty_folder_is_said_to_be_one(tmp_path):
    with pytest.raises(ValueError, match="holds no notebook and no Python file"):
        collect(tmp_path)
    assert cli.main(["grade", str(tmp_path / "nowhere")]) == 2
