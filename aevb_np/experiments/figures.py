"""From a recipe to files: which curves, on which data, and then the tables and pictures that come of them."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from aevb_np._atomic import replacing
from aevb_np.experiments import (
    figure_1,
    figure_2,
    figure_3,
    figure_4,
    figure_5,
    grid,
    irvin_report,
    ledger,
    lines,
    starts,
    steps,
    summary,
)
from aevb_np.experiments.curve import Curve, Result
from aevb_np.experiments.drawing import DATA
from aevb_np.experiments.plan import Budget, replaced, stand_ins
from aevb_np.experiments.recipe import selected
from aevb_np.runs import pictures
from aevb_np.runs.opening import load
from aevb_np.runs.run import Run

RECIPES: dict[str, ModuleType] = {
    "1": figure_1,
    "2": figure_2,
    "3": figure_3,
    "4": figure_4,
    "5": figure_5,
    "report": irvin_report,
    "steps": steps,
    "grid": grid,
    "ledger": ledger,
    "starts": starts,
}
WORK = "work"  # in the folder of results: the runs
TIMINGS = "timings.csv"
SAYS_TIME = ("curve", "samples", "seconds", "seconds_per_million", "host", "processor")


@dataclass(frozen=True)
class Figure:
    """A figure that is about to be made.

    Attributes
    ----------
    recipe : module
    curves : list of Curve
    out : path
        The folder for its files.
    quick : bool
        Then its files have names of their own, and replace no others.
    note : str
        What stands on its pictures if they are not of the paper's data.
    """

    recipe: ModuleType
    curves: list[Curve]
    out: Path
    quick: bool
    note: str

    @property
    def work(self) -> Path:
        """Where the runs are; quick ones estimate log p(x) on fewer images, and are no beginning of longer ones."""
        return self.out / f"{WORK}{self.suffix}"

    @property
    def table(self) -> Path:
        """The CSV."""
        return self.out / f"{self.recipe.NAME}{self.suffix}.csv"

    @property
    def suffix(self) -> str:
        """What quick results are told by."""
        return "-quick" if self.quick else ""


def plan(
    name: str,
    budget: Budget,
    seeds: int | None = None,
    panels: Sequence[str] | None = None,
    out: Path = Path("results"),
) -> Figure:
    """Which curves a figure needs.

    Parameters
    ----------
    name : str
        One of `RECIPES`.
    budget : Budget
    seeds : int, optional
        How many; by default as the recipe says, and one for quick.
    panels : sequence of str, optional
        As `recipe.selected` takes them.
    out : path

    Raises
    ------
    ValueError
        If a panel or a data set is not there.
    """
    if seeds is not None and seeds < 1:
        raise ValueError(f"seeds is 1 or more; got {seeds}")
    recipe = RECIPES[name]
    curves = selected(recipe.curves(budget, seeds or (1 if budget.name == "quick" else recipe.SEEDS)), panels)
    quick = budget.name == "quick" and bool(curves)
    instead = stand_ins(curves, quick)
    kept = [new for curve in curves if (new := replaced(curve, instead))]
    note = "; ".join(f"not {DATA[old]} but {DATA[new]}" for old, new in sorted(instead.items(), reverse=True))
    return Figure(recipe, kept, out, quick, note)


def usual_budget(name: str) -> str:
    """The budget of a figure for which none was asked."""
    return getattr(RECIPES[name], "BUDGET", "quick")


def finish(figure: Figure, results: Iterable[Result]) -> tuple[list[Path], list[str]]:
    """Write the table, the pictures and the summary; their paths, and remarks for a person.

    Curves of an earlier command stay in the table, unless these are the same and reach as far. Everything is drawn
    from the table as it was written, so that a picture shows the table's numbers whoever made them.
    """
    results = list(results)
    figure.out.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    table: list[lines.Line] = []
    if figure.curves:
        new = [line for result in results for line in result.lines]
        old = [] if figure.quick else lines.read(figure.table)
        lines.write(figure.table, lines.merged(old, new))
        if not figure.quick:
            write_timings(figure.out / TIMINGS, results)
        paths, table = [figure.table], lines.read(figure.table)
    made = figure.recipe.make(_drawable(figure, table), _opener(figure), figure.note)
    for name, picture in made.pictures.items():
        paths.append(figure.out / f"{name}{figure.suffix}.png")
        pictures.write(picture, paths[-1], "png")
    for name, text in made.texts.items():
        stem, dot, ending = name.rpartition(".")
        paths.append(figure.out / f"{stem}{figure.suffix}{dot}{ending}")
        with replacing(paths[-1], "w") as file:
            file.write(text)
    if not figure.quick:
        paths.append(figure.out / "README.md")
        with replacing(paths[-1], "w") as file:
            file.write(summary.readme(figure.out))
    return paths, made.remarks


def _drawable(figure: Figure, table: list[lines.Line]) -> list[lines.Line]:
    """The lines to draw: where the trained models are drawn too, only those whose runs are here."""
    if not getattr(figure.recipe, "DRAWS_RUNS", False):
        return table
    return [line for line in table if (figure.work / line.curve / "checkpoint.npz").exists()]


def _opener(figure: Figure):
    """A function from a curve's name to its run."""
    known = {curve.name: curve for curve in figure.curves}

    def open_run(name: str) -> Run:
        return load(figure.work / name, known[name].dataset() if name in known else None)

    return open_run


def write_timings(path: Path, results: Iterable[Result]) -> None:
    """Add what these curves took, and where, to a table that no comparison reads."""
    rows: dict[str, dict[str, str]] = {}
    if path.exists():
        with open(path, encoding="utf-8", newline="") as file:
            rows = {row["curve"]: row for row in csv.DictReader(file)}
    for result in results:
        if result.samples:
            pace = 1e6 * result.seconds / result.samples
            numbers = (result.samples, round(result.seconds, 1), round(pace, 1))
            cells = (result.curve.name, *map(str, numbers), result.host, result.processor)
            rows[result.curve.name] = dict(zip(SAYS_TIME, cells))
    with replacing(path, "w") as file:
        writer = csv.DictWriter(file, SAYS_TIME, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows[name] for name in sorted(rows))
