"""The package as it is published: built, put into a folder outside the checkout and used there, all without network."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest


def at_hand(name):
    """The major version of an installed package; found without importing it, for setuptools changes what it finds."""
    try:
        return int(version(name).partition(".")[0])
    except PackageNotFoundError:
        return 0


pytestmark = pytest.mark.skipif(not at_hand("pip") or at_hand("setuptools") < 77, reason="needs pip and setuptools 77")

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "examples" / "sigma_left_out.py"
README = (ROOT / "README.md").read_text(encoding="utf-8")
ANYWHERE = shutil.ignore_patterns("__pycache__", ".*_cache", ".git", ".venv", "venv", "build", "dist", "*.egg-info")
SDIST = "from setuptools import build_meta; print(build_meta.build_sdist({!r}))"


def left(folder, names):
    """What a copy of the checkout leaves out; `runs` is a reader's folder at the top and a room in the package."""
    return ANYWHERE(folder, names) | ({"runs"} & set(names) if Path(folder) != ROOT / "aevb_np" else set())


def run(*words, folder, code=0, **environment):
    """A Python of its own, in a folder; what it printed."""
    everything = {**os.environ, "PYTHONPATH": "", "MPLBACKEND": "Agg", **environment}
    done = subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=folder,
        env=everything,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def files(root, folder=""):
    """Every file below a folder of the project that belongs to it, relative to the project."""
    found = (path.relative_to(root) for path in (root / folder).rglob("*") if path.is_file())
    return {path.as_posix() for path in found if "__pycache__" not in path.parts}


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The project without what lies in a checkout beside it: building leaves things there."""
    return shutil.copytree(ROOT, tmp_path_factory.mktemp("copy") / "aevb_np", ignore=left)


@pytest.fixture(scope="module")
def wheel(copy, tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    run("-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", folder, copy, folder=folder)
    (path,) = folder.iterdir()
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Python with the wheel, in an empty folder outside the checkout; every test of the wheel shares it."""
    target, folder = tmp_path_factory.mktemp("installed"), tmp_path_factory.mktemp("somewhere")
    run("-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", target, wheel, folder=folder)
    return lambda *words, code=0: run(*words, folder=folder, code=code, PYTHONPATH=str(target))


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert names == files(ROOT, "aevb_np")
    assert {"aevb_np/py.typed", "aevb_np/explorer/page.js", "aevb_np/experiments/curves/paper_values.csv"} <= names


def test_the_wheel_says_what_it_is(wheel):
    archive = zipfile.ZipFile(wheel)
    (metadata,) = (archive.read(name).decode() for name in archive.namelist() if name.endswith("/METADATA"))
    (scripts,) = (archive.read(name).decode() for name in archive.namelist() if name.endswith("/entry_points.txt"))
    assert any(name.endswith("/licenses/LICENSE") for name in archive.namelist())
    assert {"License-Expression: MIT", "Requires-Python: >=3.11", "Name: aevb_np"} <= set(metadata.splitlines())
    assert metadata.endswith(README) and "aevb = aevb_np.cli:main" in scripts
    number = re.search(r"^Version: (.*)$", metadata, re.M)[1]
    assert f"\nversion: {number}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\n## {number}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_sdist_holds_the_tests_and_what_they_need(copy, tmp_path):
    archive = run("-c", SDIST.format(str(tmp_path)), folder=copy).splitlines()[-1]
    with tarfile.open(tmp_path / archive) as held:
        names = {name.partition("/")[2] for name in held.getnames()}
    for folder in ("aevb_np", "tests", "examples", "benchmarks", "notebooks", "results"):
        assert files(copy, folder) <= names
    assert {"LICENSE", "README.md", "CHANGELOG.md", "QUESTIONS.md", "CITATION.cff", "setup.cfg"} <= names


def test_the_readmes_ten_lines(installed):
    block = next(block for block in re.findall(r"```python\n(.*?)```", README, re.S) if "import aevb_np" in block)
    said = installed("-c", block.replace("2e5", "2e3") + "\nprint(aevb_np.__file__)")
    assert "installed" in said.splitlines()[-1] and str(ROOT) not in said.splitlines()[-1]


def test_the_commands(installed):
    def aevb(*words, code=0):
        return installed("-m", "aevb_np", *words, code=code)

    assert "2,000 samples: bound -" in aevb("train", "--samples", "2e3", "--hidden", "20", "--out", "run")
    assert "Open it in a browser" in aevb("explore", "run")
    assert "-124.2 +- 0.2" in aevb("expect", "mnist", "--latent", "20", "--samples", "1e6")
    assert "figure_1" in aevb("figure", "1")
    assert "@" in aevb("cite")
    said = aevb("check", EXAMPLE, "--explain", "2", code=1)
    name = "the local derivative you use is eps / 2, it should be eps * sigma / 2"
    assert name in said and said.endswith("verdict: wrong\n")
