"""What the README promises is there, and its ten lines run."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
ROWS = [row for row in README.splitlines() if row.startswith("|") and "tests/" in row]


def names(path):
    """The functions, classes and methods of a file."""
    tree = ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8")))
    return {node.name for node in tree if isinstance(node, ast.FunctionDef | ast.ClassDef)}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip())
def test_every_equation_has_its_code_and_its_test(row):
    _, _, code, test, _ = row.split("|")
    file, *name = re.findall("`([^`]+)`", code)
    assert set(name) <= names(file)
    path, _, function = test.strip(" `").partition("::")
    assert function in names(path)


def test_the_table_is_there():
    assert len(ROWS) > 10


def test_the_ten_lines_run(tmp_path, monkeypatch):
    block = next(block for block in re.findall(r"```python\n(.*?)```", README, re.S) if "import aevb_np" in block)
    assert len([line for line in block.splitlines() if line]) <= 10
    monkeypatch.chdir(tmp_path)
    exec(block.replace("2e5", "2e3"), {})
    assert (tmp_path / "manifold.png").stat().st_size > 0


def test_the_code_shown_is_the_code():
    shown = next(block for block in re.findall(r"```python\n(.*?)```", README, re.S) if "def sgvb_b" in block)
    code = (ROOT / "aevb_np" / "estimators.py").read_text(encoding="utf-8")
    assert all(line in code for line in shown.splitlines()[1:])
