"""Every document of the project leads where it says: its links to files that exist, the names beside them to code."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NOT_OURS = {"build", "dist", "node_modules", "runs", "venv"}  # what may lie in a checkout beside the project

FENCED = re.compile(r"^```.*?^```", re.M | re.S)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)|^\[[^\]]+\]:\s*(\S+)", re.M)
NAMED = re.compile(r"\]\(([^)\s]+\.py)\)((?:[\s,]+(?:and )?`[\w.]+`)+)")  # a link to a .py, then `name`, `name` ...


def documents():
    """Every .md file of the project, relative to its root."""
    found = (path.relative_to(ROOT) for path in ROOT.rglob("*.md"))
    return sorted(path for path in found if not any(p in NOT_OURS or p.startswith(".") for p in path.parts))


def names(path):
    """What a file defines: functions, classes and constants, and the methods of a class as Class.method."""
    return set(defined(ast.parse(path.read_text(encoding="utf-8")).body))


def defined(body, prefix=""):
    for node in body:
        if isinstance(node, ast.FunctionDef):
            yield prefix + node.name
        elif isinstance(node, ast.ClassDef):
            yield prefix + node.name
            yield from defined(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, ast.Assign):
            yield from (prefix + n.id for target in node.targets for n in ast.walk(target) if isinstance(n, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield prefix + node.target.id


def slips(text, folder):
    """What is wrong with the links of a document that lies in `folder`."""
    text = FENCED.sub("", text)
    for target in (a or b for a, b in LINK.findall(text)):
        if not target.startswith(("http://", "https://", "#")) and not (folder / target.partition("#")[0]).exists():
            yield f"{target}: there is no such file"
    for target, beside in NAMED.findall(text):
        if (folder / target).exists():
            for name in sorted(set(re.findall(r"`([\w.]+)`", beside)) - names(folder / target)):
                yield f"{target} has no {name}"


@pytest.mark.parametrize("document", documents(), ids=str)
def test_every_link_leads_to_a_file_and_every_name_to_code(document):
    assert not list(slips((ROOT / document).read_text(encoding="utf-8"), (ROOT / document).parent))


def test_the_documents_are_found():
    assert {Path("README.md"), Path("notebooks/gradients.md")} <= set(documents())


@pytest.mark.parametrize(
    "text, slip",
    [
        ("see [the ledger](gone.md)", "gone.md: there is no such file"),
        ("![a picture](pictures/gone.png)", "pictures/gone.png: there is no such file"),
        ("as [that] says\n\n[that]: gone.md", "gone.md: there is no such file"),
        ("[part two](gone.md#two)", "gone.md#two: there is no such file"),
        ("[estimators.py](../aevb_np/estimators.py) `sgvb_c`", "../aevb_np/estimators.py has no sgvb_c"),
        ("[estimators.py](../aevb_np/estimators.py) `sgvb_a`,\n`sgvb_c`", "../aevb_np/estimators.py has no sgvb_c"),
        ("[aevb.py](../aevb_np/aevb.py) `AEVB.leap`", "../aevb_np/aevb.py has no AEVB.leap"),
    ],
)
def test_a_planted_slip_is_found(text, slip):
    assert list(slips(text, ROOT / "notebooks")) == [slip]


@pytest.mark.parametrize(
    "text",
    [
        "[elsewhere](https://arxiv.org/abs/1312.6114), [here](#here)",
        "[aevb.py](../aevb_np/aevb.py) `AEVB.step` and [mcem.py](../aevb_np/mcem.py) `LEAPFROGS`, `UPDATES`",
        "```\n[in code](gone.md)\n```",
    ],
)
def test_what_is_right_is_not_accused(text):
    assert not list(slips(text, ROOT / "notebooks"))


@pytest.mark.parametrize("name", ["figure_2.csv", "figure_3.csv", "chosen_steps.csv"])
def test_what_is_installed_are_the_results(name):
    """`aevb expect` and the figures read the package's copy."""
    installed = ROOT / "aevb_np" / "experiments" / "curves" / name
    assert installed.read_bytes() == (ROOT / "results" / name).read_bytes()
