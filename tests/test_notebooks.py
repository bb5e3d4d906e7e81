"""The notebooks and their sources: built one way, and a notebook that says something else is found."""

import ast
import importlib.util
import inspect
import json
import shutil
from pathlib import Path

import pytest

for needed in ("jupytext", "nbclient", "ipykernel"):  # the `notebooks` extra; CI runs this file with it
    pytest.importorskip(needed)

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
SOURCE = '''# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # An exercise

# %%
import warnings


def twice(x):
    """Twice x."""
    ### BEGIN SOLUTION
    y = x + x  # or 2 * x
    return y
    ### END SOLUTION


# %%
assert callable(twice)
### BEGIN HIDDEN TESTS
hidden = twice(21)
print(hidden, "\\r")
### END HIDDEN TESTS
'''


@pytest.fixture(scope="module")
def build():
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("build", NOTEBOOKS / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def built(build, tmp_path_factory):
    """A folder with an exercise and a walkthrough, built."""
    folder = tmp_path_factory.mktemp("notebooks")
    (folder / "src").mkdir()
    (folder / "src" / "ex01_twice.py").write_text(SOURCE, encoding="utf-8")
    (folder / "src" / "00_once.py").write_text("# %% [markdown]\n# # Once\n\n# %%\nprint(6 * 7)\n", encoding="utf-8")
    assert build.main(["--folder", str(folder)]) == 0
    return folder


@pytest.fixture
def verify(build, built, tmp_path, capsys):
    """Verify a copy of the built folder after something was done to it: the exit code and what was printed."""

    def verify(path=None, before="", after=""):
        folder = tmp_path / "copy"
        shutil.copytree(built, folder)
        if path:
            text = (folder / path).read_text(encoding="utf-8")
            assert text.count(before) == 1
            (folder / path).write_text(text.replace(before, after), encoding="utf-8")
        code = build.main(["--folder", str(folder), "--verify"])
        return code, capsys.readouterr().out

    return verify


def test_a_source_becomes_an_exercise_and_a_solution(built):
    exercise, solution = (json.loads((built / kind / "ex01_twice.ipynb").read_text(encoding="utf-8"))["cells"]
                          for kind in ("exercises", "solutions"))  # fmt: skip
    text = "".join(exercise[1]["source"])
    assert text.endswith('    """Twice x."""\n    # YOUR CODE HERE\n    raise NotImplementedError()')
    assert "hidden" not in str(exercise) and not any(cell.get("outputs") for cell in exercise)
    assert "".join(solution[1]["source"]).endswith("    y = x + x  # or 2 * x\n    return y")
    assert solution[2]["outputs"][0]["text"] == ["42 \r\n"] and "###" not in str(solution)
    assert [cell["id"] for cell in exercise] == [cell["id"] for cell in solution] == ["c00", "c01", "c02"]


def test_what_was_built_is_accepted(verify):
    assert verify() == (0, "2 sources, and their notebooks say the same\n")


@pytest.mark.parametrize(
    "path, before, after, says",
    [
        ("src/ex01_twice.py", "import warnings", "import json", "ex01_twice.ipynb: cell 1 is not what the source says"),
        ("00_once.ipynb", "6 * 7", "6 * 8", "00_once.ipynb: cell 1 is not what the source says"),
        ("exercises/ex01_twice.ipynb", "# YOUR CODE HERE", "y = x+x", "a line of the solution is seen: y = x + x"),
        ("exercises/ex01_twice.ipynb", "# An exercise", "hidden = twice(21)", "is seen: hidden = twice(21)"),
        ("00_once.ipynb", '"execution_count": 1', '"execution_count": null', "00_once.ipynb: not executed"),
        ("solutions/ex01_twice.ipynb", '"stdout"', '"stderr"', "ex01_twice.ipynb: there is a progress bar in it"),
    ],
)
def test_a_difference_is_found(verify, path, before, after, says):
    code, out = verify(path, before, after)
    assert code == 1 and says in out


def test_a_notebook_without_a_source_is_found(build, built, tmp_path, capsys):
    folder = tmp_path / "copy"
    shutil.copytree(built, folder)
    (folder / "src" / "00_once.py").unlink()
    assert build.main(["--folder", str(folder), "--verify"]) == 1
    assert "00_once.ipynb: there is no source for it" in capsys.readouterr().out


@pytest.mark.parametrize(
    "text, says",
    [
        (SOURCE.replace("    ### END SOLUTION\n", ""), "'### BEGIN SOLUTION' has no end"),
        (SOURCE.replace("### BEGIN HIDDEN TESTS\n", ""), "'### END HIDDEN TESTS' stands where nothing is open"),
    ],
)
def test_a_delimiter_without_its_partner_is_told(build, tmp_path, capsys, text, says):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "ex01_twice.py").write_text(text, encoding="utf-8")
    assert build.main(["--folder", str(tmp_path)]) == 2
    assert says in capsys.readouterr().err


def test_large_notebooks_are_refused(build, tmp_path, capsys, monkeypatch):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "ex01_twice.py").write_text(SOURCE, encoding="utf-8")
    monkeypatch.setattr(build, "MOST", 500)
    assert build.main(["--folder", str(tmp_path)]) == 2
    assert "ex01_twice.ipynb has 1 KB, more than 0" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("ex07_bernoulli_decoder", "bernoulli_decoder"),
        ("ex08_encoder", "sgvb_b"),
        ("ex09_gaussian_decoder", "gaussian_decoder"),
    ],
)
def test_the_long_solutions_are_those_that_the_checks_compare_with(source, name):
    """Line by line, whatever their docstrings say."""
    from aevb_np import written_out

    def body(text):
        function = next(
            node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef) and node.name == name
        )
        return [ast.unparse(statement) for statement in function.body[1:]]

    in_the_notebook = (NOTEBOOKS / "src" / f"{source}.py").read_text(encoding="utf-8")
    assert body(in_the_notebook) == body(inspect.getsource(getattr(written_out, name)))


WALKTHROUGHS = sorted(NOTEBOOKS.glob("[0-9]*.ipynb"))


def code_cells(path):
    return [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]


@pytest.mark.parametrize("path", WALKTHROUGHS, ids=lambda path: path.stem)
def test_source_that_a_walkthrough_shows_is_the_package_s(path, capsys):
    """What a cell with inspect.getsource prints today is what is committed below it."""
    import aevb_np

    first, *others = ("".join(cell["source"]) for cell in code_cells(path))
    first = "\n".join(line for line in first.splitlines() if not line.startswith("%"))
    imports = [node for node in ast.parse(first).body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {"model": aevb_np.VAE.bernoulli(D=4, H=3, J=2)}
    exec(compile(ast.Module(imports, []), path.name, "exec"), names)
    for source, cell in zip(others, code_cells(path)[1:]):
        if "inspect.getsource" in source:
            exec(source, names)
            assert capsys.readouterr().out == "".join(cell["outputs"][0]["text"]), f"build {path.stem} again"


def test_some_walkthroughs_show_source():
    assert sum("inspect.getsource" in path.read_text(encoding="utf-8") for path in WALKTHROUGHS) >= 5


@pytest.mark.parametrize("path", WALKTHROUGHS, ids=lambda path: path.stem)
def test_the_house_rules_of_a_walkthrough(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    words = sum(len("".join(cell["source"]).split()) for cell in cells if cell["cell_type"] == "markdown")
    code = ["".join(cell["source"]).splitlines() for cell in code_cells(path)]
    outputs = [output for cell in code_cells(path) for output in cell["outputs"]]
    figures = sum("image/" in str(list(output.get("data", {}))) for output in outputs)
    assert words <= 1500
    assert len(code) <= 18
    assert max(map(len, code)) <= 30, "lines in a code cell"
    assert max(len(line) for lines in code for line in lines) <= 100, "characters in a line of code"
    assert 4 <= figures <= 7
    assert sum(line.lstrip().startswith("assert ") for lines in code for line in lines) >= 3
