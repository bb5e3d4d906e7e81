"""The house: who imports whom, and what `import aevb_np` brings in."""

import ast
import configparser
import subprocess
import sys
from pathlib import Path

import pytest

import aevb_np

ROOT = Path(aevb_np.__file__).parent

# A module imports only modules above it in this list: read from the top, every page stands on the pages before.
LEVELS = (
    ("_version", "numerics", "params", "optimizers", "streams", "_atomic", "plotting", "hmc"),
    ("layers", "distributions", "data", "objective"),
    ("networks", "reparameterization", "training"),
    ("model",),
    ("estimators", "evaluation", "posterior"),
    ("marginal_likelihood", "completion", "apart"),
    ("aevb", "wake_sleep", "mcem", "full_vb"),
    ("runs", "checks"),
    ("exercises",),
    ("explorer", "experiments", "grading"),
    ("cli",),
    ("__init__", "__main__"),
)
LEVEL = {name: level for level, names in enumerate(LEVELS) for name in names}
MODULES = sorted(ROOT.rglob("*.py"))


def room(path):
    """The name in LEVELS of the module in a file: folders count as one room."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(path):
    """The rooms of the package that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} line {node.lineno}: write the whole name"
            if node.module == "aevb_np":
                yield from (alias.name for alias in node.names if alias.name != "__version__")
            elif node.module.startswith("aevb_np."):
                yield node.module.split(".")[1]
        elif isinstance(node, ast.Import):
            yield from (alias.name.split(".")[1] for alias in node.names if alias.name.startswith("aevb_np."))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_down_only(path):
    own = room(path)
    for other in imported(path):
        assert other == own or LEVEL[other] < LEVEL[own], f"{own} imports {other}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_opens_with_a_sentence_to_the_reader(path):
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_command_line_prints(path):
    calls = [node.func for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    prints = [call for call in calls if isinstance(call, ast.Name) and call.id == "print"]
    assert not prints or room(path) == "cli"


def test_importing_brings_in_nothing_heavy_and_starts_nothing():
    code = """
import sys, threading, multiprocessing
import aevb_np
heavy = {"numpy", "scipy", "matplotlib", "pooch", "requests", "tqdm", "PIL"} & set(sys.modules)
assert not heavy, heavy
assert threading.active_count() == 1 and not multiprocessing.active_children()
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_name_of_the_package_is_there():
    assert sorted(aevb_np.__all__) == sorted(aevb_np.HOME) and set(aevb_np.__all__) <= set(dir(aevb_np))
    for name, home in aevb_np.HOME.items():
        assert getattr(aevb_np, name) is getattr(sys.modules[f"aevb_np.{home}"], name)
    assert aevb_np.hmc.leapfrog  # a module by its name
    with pytest.raises(AttributeError, match="aevb_np has no 'VEA'; it has start, load"):
        aevb_np.VEA  # noqa: B018


def test_tools_that_read_are_told_the_same_homes():
    """The imports under TYPE_CHECKING say what the table says."""
    tree = ast.parse((ROOT / "__init__.py").read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    told = {alias.name: node.module.removeprefix("aevb_np.") for node in block.body for alias in node.names}
    assert told == aevb_np.HOME


def test_every_package_is_in_the_wheel():
    """setup.cfg lists packages one by one: one that is left out would be missing where the project is installed."""
    listed = configparser.ConfigParser()
    listed.read(ROOT.parent / "setup.cfg", encoding="utf-8")
    folders = {path.parent.relative_to(ROOT.parent) for path in MODULES}
    assert set(listed["options"]["packages"].split()) == {".".join(folder.parts) for folder in folders}
