"""What README.md and QUESTIONS.md say that a command prints is what it prints now; `...` there stands for anything."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CONSOLE = re.compile(r"(<!-- not tested: [^\n]* -->\n)?```console\n(.*?)```", re.S)
ROUNDING = re.compile(r"\b\d\.\de-\d\d\b")  # errors and noise of a check; the last bits differ between machines
PROGRAMS = {"aevb": ["-m", "aevb_np"], "python": []}


def sessions():
    """Every command in a document, and what stands below it."""
    for name in ("README.md", "QUESTIONS.md"):
        for untested, block in CONSOLE.findall((ROOT / name).read_text(encoding="utf-8")):
            for session in re.split(r"^\$ ", block, flags=re.M)[1:] if not untested else ():
                command, _, printed = session.partition("\n")
                yield pytest.param(command, printed, id=f"{name}: {command[:40]}")


def pattern(printed):
    """What was printed as a regular expression: lines of dots are any lines, roundings any other."""
    lines = (r"(?:.*\n)*?" if line == "..." else re.escape(rounded(line)) + r"\n" for line in printed.splitlines())
    return "".join(lines)


def rounded(text):
    return ROUNDING.sub("#", text).rstrip()


def run(command, folder):
    """What a command prints in the project's folder, on a machine without MNIST and Frey Face."""
    program, *words = shlex.split(command)
    environment = {**os.environ, "AEVB_DATA_DIR": str(folder), "PYTHONPATH": str(ROOT)}
    words = [sys.executable, *PROGRAMS[program], *words]
    done = subprocess.run(words, cwd=ROOT, env=environment, stdout=subprocess.PIPE, encoding="utf-8", timeout=100)
    return "".join(rounded(line) + "\n" for line in done.stdout.splitlines())


@pytest.mark.parametrize("command, printed", sessions())
def test_a_command_prints_what_the_documents_say(command, printed, tmp_path):
    got = run(command, tmp_path)
    assert re.fullmatch(pattern(printed), got), got


def test_another_number_would_be_seen():
    assert re.fullmatch(pattern("...\nbs 2.0e-01 wrong\n"), "array\nbs # wrong\n")
    assert not re.fullmatch(pattern("...\nbs 2.0e-01 wrong\n"), "bs # right\n")
    assert not re.fullmatch(pattern("a bound of -123.87\n"), "a bound of -123.88\n")
    assert not re.fullmatch(pattern("one\n"), "one\ntwo\n")


def test_there_are_commands_in_both():
    assert {param.id.partition(":")[0] for param in sessions()} == {"README.md", "QUESTIONS.md"}
