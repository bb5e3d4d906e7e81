"""The notebooks, built one way from their sources: `python notebooks/build.py [NAME ...]`, and `--verify`.

`src/NN_name.py` is a walkthrough and becomes `NN_name.ipynb`, executed. `src/exNN_name.py` is an exercise with its
solution in it and becomes two notebooks: `exercises/exNN_name.ipynb`, where every solution is a stub, and
`solutions/exNN_name.ipynb`, executed. Sources are in jupytext's percent format; solutions and hidden tests stand
between nbgrader's delimiters, as nbgrader has them. Nobody edits a notebook
by hand: `--verify` fails where one says something else than its source, and where a line of a solution is seen in an
exercise.

    python notebooks/build.py                 everything
    python notebooks/build.py ex06 03         only what begins so
    python notebooks/build.py --verify        builds nothing; exit code 1 and a line for each fault
    python notebooks/build.py --nbgrader DIR  the exercises as nbgrader's source: with delimiters, and cells with points

`python -m pip install -e ".[notebooks]"` brings what is needed.
"""

import argparse
import copy
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

from aevb_np.exercises import EXERCISES

HERE = Path(__file__).parent
MOST = 300_000  # bytes of a notebook: people read them on the web
SECONDS = 900  # for one cell
STUB = "# YOUR CODE HERE\nraise NotImplementedError()"  # as nbgrader has it
SOLUTION, HIDDEN = "SOLUTION", "HIDDEN TESTS"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "TQDM_DISABLE": "1"}


def main(argv: list[str] | None = None) -> int:
    """Build, or verify what was built; the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="only sources whose names begin so (all)")
    parser.add_argument("--verify", action="store_true", help="build nothing, say where notebooks and sources differ")
    parser.add_argument("--nbgrader", type=Path, metavar="DIR", help="write the exercises as nbgrader's source")
    parser.add_argument("--folder", type=Path, default=HERE, help="where src, exercises and solutions lie")
    args = parser.parse_args(argv)
    try:
        chosen = sources(args.folder, args.names)
        if args.nbgrader:
            for_nbgrader(args.nbgrader, chosen)
            return 0
        if args.verify:
            faults = [fault for path in chosen for fault in verify(args.folder, path)]
            faults += [] if args.names else orphans(args.folder, chosen)
            print("\n".join(faults) or f"{len(chosen)} sources, and their notebooks say the same")
            return 1 if faults else 0
        for path in chosen:
            for target, notebook in made_from(args.folder, path).items():
                write(target, notebook)
                print(f"{target.relative_to(args.folder)}: {target.stat().st_size / 1000:.0f} KB", flush=True)
    except (ValueError, nbformat.ValidationError, CellExecutionError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def sources(folder: Path, names: list[str]) -> list[Path]:
    """The sources whose names begin with one of these, in order; all of them when nothing is named."""
    found = sorted((folder / "src").glob("*.py"))
    for name in names:
        if not any(path.name.startswith(name) for path in found):
            raise ValueError(f"no source begins with {name!r}; there are {', '.join(path.stem for path in found)}")
    return [path for path in found if path.name.startswith(tuple(names) or "")]


def made_from(folder: Path, path: Path) -> dict[Path, NotebookNode]:
    """The notebooks of one source, not yet executed, by the place where they belong."""
    notebook = read(path)
    if not path.stem.startswith("ex"):
        return {folder / f"{path.stem}.ipynb": notebook}
    versions = {"exercises": exercise, "solutions": solution}
    return {folder / kind / f"{path.stem}.ipynb": version(notebook) for kind, version in versions.items()}


def read(path: Path) -> NotebookNode:
    """A source as a notebook whose cells keep their ids from build to build."""
    notebook = jupytext.read(path, fmt="py:percent")
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for i, cell in enumerate(notebook.cells):
        cell.id = f"c{i:02}"
        cell.metadata.pop("lines_to_next_cell", None)  # jupytext's own
        kinds = {kind for kind, _ in regions(cell.source, path.name)}
        if kinds & {SOLUTION, HIDDEN}:
            cell.metadata["nbgrader"] = of_nbgrader(path.stem, graded=HIDDEN in kinds)
    nbformat.validate(notebook)
    return notebook


def for_nbgrader(target: Path, chosen: list[Path]) -> None:
    """The exercises among the sources as notebooks, with the delimiters that nbgrader reads."""
    target.mkdir(parents=True, exist_ok=True)
    for path in chosen:
        if path.stem.startswith("ex"):
            nbformat.write(read(path), target / f"{path.stem}.ipynb")
            print(target / f"{path.stem}.ipynb")


def of_nbgrader(name: str, graded: bool) -> dict:
    """What nbgrader wants to know of a cell: whether it is a solution, or gives points, as many as there are checks."""
    key = f"E{int(name[2:4])}"
    found = {"grade_id": f"{key}-{'points' if graded else 'solution'}", "grade": graded, "solution": not graded,
             "locked": graded, "task": False, "schema_version": 3}  # fmt: skip
    return found | ({"points": len(EXERCISES[key].checks)} if graded else {})


def exercise(notebook: NotebookNode) -> NotebookNode:
    """What a student gets: a stub for every solution, no hidden tests."""
    given = copy.deepcopy(notebook)
    for cell in given.cells:
        lines: list[str] = []
        for kind, piece in regions(cell.source):
            if kind == SOLUTION:
                margin = " " * min(len(line) - len(line.lstrip()) for line in piece if line.strip())
                piece = [margin + line for line in STUB.splitlines()]
            lines += [] if kind == HIDDEN else piece
        cell.source = "\n".join(lines).rstrip("\n")
    return given


def solution(notebook: NotebookNode) -> NotebookNode:
    """The same without delimiters."""
    solved = copy.deepcopy(notebook)
    for cell in solved.cells:
        cell.source = "\n".join(line for _, piece in regions(cell.source) for line in piece)
    return solved


def regions(text: str, name: str = "") -> Iterator[tuple[str, list[str]]]:
    """The lines of a cell in pieces: ("", lines), (SOLUTION, lines) and (HIDDEN, lines), without the delimiters.

    Raises
    ------
    ValueError
        If a delimiter has no partner.
    """
    kind, piece = "", list[str]()
    for line in text.splitlines():
        found = re.fullmatch(rf"\s*### (BEGIN|END) ({SOLUTION}|{HIDDEN})\s*", line)
        if not found:
            piece.append(line)
            continue
        begins, what = found[1] == "BEGIN", found[2]
        if kind != ("" if begins else what):
            raise ValueError(f"{name}: '{line.strip()}' stands where {kind or 'nothing'} is open")
        if kind == SOLUTION and not "".join(piece).strip():
            raise ValueError(f"{name}: a solution without a line")
        yield kind, piece
        kind, piece = what if begins else "", []
    if kind:
        raise ValueError(f"{name}: '### BEGIN {kind}' has no end")
    yield kind, piece


def write(target: Path, notebook: NotebookNode) -> None:
    """Execute a notebook, unless it is an exercise, and put it where it belongs.

    Raises
    ------
    ValueError
        If it is larger than people should have to load.
    """
    if target.parent.name != "exercises":
        execute(notebook)
    text = nbformat.writes(notebook) + "\n"
    if len(text.encode()) > MOST:
        raise ValueError(f"{target.name} has {len(text.encode()) / 1000:.0f} KB, more than {MOST / 1000:.0f}: "
                         "fewer or smaller figures, please")  # fmt: skip
    target.parent.mkdir(exist_ok=True)
    target.write_text(text, encoding="utf-8", newline="\n")


def execute(notebook: NotebookNode) -> None:
    """Run all cells in a folder of their own; what tells of this run only (times, progress bars) is not kept."""
    environment = {**os.environ, **ENVIRONMENT}
    environment.pop("AEVB_FAST", None)
    environment.pop("MPLBACKEND", None)  # pictures belong into the notebook
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            timeout=SECONDS,
            kernel_name="python3",
            record_timing=False,
            coalesce_streams=True,
            resources={"metadata": {"path": folder}},
        )
        client.execute(env=environment)
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if not is_bar(output)]


def is_bar(output: NotebookNode) -> bool:
    """Whether an output is a progress bar: a widget, or what a bar or its module writes on stderr."""
    on_stderr = output.output_type == "stream" and output.name == "stderr"
    written = on_stderr and ("\r" in output.text or "TqdmWarning" in output.text)
    return written or any("widget" in kind for kind in output.get("data", {}))


def verify(folder: Path, path: Path) -> list[str]:
    """What is wrong with the notebooks of one source: a line for each fault."""
    faults = []
    for target, wanted in made_from(folder, path).items():
        name = target.relative_to(folder)
        if not target.exists():
            faults.append(f"{name}: not there; python notebooks/build.py {path.stem}")
            continue
        text = target.read_text(encoding="utf-8")
        there = nbformat.reads(text, as_version=4)
        if contents(there) != contents(wanted):
            faults.append(f"{name}: {difference(there, wanted)}; python notebooks/build.py {path.stem}")
        if len(text.encode()) > MOST:
            faults.append(f"{name}: larger than {MOST / 1000:.0f} KB")
        if any(is_bar(output) for cell in there.cells for output in cell.get("outputs", [])):
            faults.append(f"{name}: there is a progress bar in it")
        if target.parent.name == "exercises":
            faults += [f"{name}: a line of the solution is seen: {line}" for line in leaks(read(path), there)]
        elif any(cell.cell_type == "code" and cell.source and cell.execution_count is None for cell in there.cells):
            faults.append(f"{name}: not executed; python notebooks/build.py {path.stem}")
    return faults


def contents(notebook: NotebookNode) -> list[tuple]:
    """What a notebook says, without what came of it."""
    return [(cell.get("id"), cell.cell_type, cell.source, dict(cell.metadata)) for cell in notebook.cells]


def difference(there: NotebookNode, wanted: NotebookNode) -> str:
    """Where the first difference between a notebook and its source is."""
    for number, (a, b) in enumerate(zip(contents(there), contents(wanted))):
        if a != b:
            return f"cell {number} is not what the source says"
    return f"{len(there.cells)} cells, the source has {len(wanted.cells)}"


def leaks(notebook: NotebookNode, given: NotebookNode) -> list[str]:
    """Lines of a solution that can be read in what is given to students, spaces and comments left aside.

    A line that says no more than a return or an else tells nothing.
    """
    seen = squeezed("\n".join(cell.source for cell in given.cells))
    hidden = [line for cell in notebook.cells for kind, piece in regions(cell.source) if kind for line in piece]
    told = [line.partition("  #")[0].strip() for line in hidden if not line.strip().startswith("#")]
    return [line for line in told if re.search(r"[-+*/@=(]", line) and squeezed(line) in seen]


def squeezed(text: str) -> str:
    """Without spaces."""
    return re.sub(r"[ \t]", "", text)


def orphans(folder: Path, chosen: list[Path]) -> list[str]:
    """Notebooks without a source."""
    wanted = {target for path in chosen for target in made_from(folder, path)}
    found = {path for place in ("", "exercises", "solutions") for path in (folder / place).glob("*.ipynb")}
    return [f"{path.relative_to(folder)}: there is no source for it in src" for path in sorted(found - wanted)]


if __name__ == "__main__":
    sys.exit(main())
