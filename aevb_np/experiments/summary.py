"""results/README.md: the paper's values, ours, and the gap between them, with what they were made of and on."""

import csv
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from aevb_np.experiments import lines as tables
from aevb_np.experiments import paper
from aevb_np.experiments.expectation import common_recipes
from aevb_np.experiments.lines import Line
from aevb_np.experiments.recipe import by_stem, line_at, markdown, stem
from aevb_np.runs.history import FIRST_MARKS, MARK

COUNTS = {
    "figure_2": (1_000_000, 3_000_000, 10_000_000, 30_000_000, 100_000_000, 250_000_000),
    "figure_3": (1_000_000, 2_000_000, 5_000_000, 10_000_000, 20_000_000, 40_000_000, 60_000_000),
}
AXIS_ENDS = {"mnist": 250_000_000, "frey": 100_000_000}
HEAD = """# Results

Every number here is the test or training bound (or log p(x)) of one of our runs, in nats per image, beside the paper's
value read off its figures (error about 0.2 for MNIST, 2 for Frey Face, 0.3 for Figure 3). A cell reads paper / ours /
gap; a dash is a value that the paper does not show, or that our curve has not reached. Ours is the median of the seeds
that came so far, with the lowest and the highest behind it where there are several. In Figure 2 "train" is the running
mean of the minibatch bounds, as the paper's author reported it; elsewhere the bound at the parameters of the row.

This page is written by `aevb figure`, from the tables beside it. Each of its parts can be deleted and made again:

"""
FIGURES = ("1", "steps", "2", "3", "4", "5", "report", "grid", "ledger", "starts")  # in the order in which to make them
TOGETHER = ("steps", "grid", "ledger")
TEXTS = {"choices.md": "what the choices are worth that the paper leaves open", "steps.md": "the step sizes",
         "report.md": "Irvin's report", "grid.md": "L samples for each of M datapoints",
         "starts.md": "initial values, beside the paper's curves"}  # fmt: skip
MARGINALS = ("train", "test")
PICTURES = (".png", ".svg")


def readme(out: Path) -> str:
    """The page, from what is in this folder."""
    parts = [HEAD + commands(out)]
    for name, title in (("figure_2", "Figure 2"), ("figure_3", "Figure 3")):
        table = tables.read(out / f"{name}.csv")
        if table:
            parts.append(f"## {title}\n\n![{title}]({name}.png)\n")
            parts.append(figure_2(table) if name == "figure_2" else figure_3(table))
            parts.append(reach(table))
    found = (path for ending in PICTURES for path in out.glob(f"*{ending}"))
    others = sorted(path.name for path in found if _own(path.name))
    if others:
        parts.append("## Other pictures\n\n" + " ".join(f"[{name}]({name})" for name in others) + "\n")
    beside = [f"- [{name}]({name}): {what}\n" for name, what in TEXTS.items() if (out / name).exists()]
    if beside:
        parts.append("## Other tables\n\n" + "".join(beside))
    parts.append(others_measure())
    parts.append(machines(out))
    return "\n".join(part for part in parts if part)


def _own(name: str) -> bool:
    return not name.endswith("-quick.png") and name not in ("figure_2.png", "figure_3.png")


def commands(out: Path) -> str:
    """What makes each part again, to the same samples."""
    rows = []
    for figure in FIGURES:
        name = f"figure_{figure}" if figure.isdigit() else figure
        table = tables.read(out / f"{name}.csv")
        for words, curves, length in _whole(figure, table) if figure in TOGETHER else _parts(table):
            rows.append([f"`aevb figure {figure}{words}`", f"{curves} curves", f"{length:,}"])
        if not table:
            made = any((out / f"{name}{ending}").exists() for ending in PICTURES)
            rows.append([f"`aevb figure {figure}`", "made" if made else "not made yet", ""])
    return markdown(["command", "makes", "samples"], rows)


def _parts(table: Sequence[Line]) -> list[tuple[str, int, int]]:
    """The flags, the number of curves and their length: for each length and choice of seeds that there is."""
    reached: dict[tuple[int, str], list[int]] = {}
    for rows in tables.by_curve(table).values():
        reached.setdefault((_asked(rows[-1].samples), stem(rows[0].curve)), []).append(rows[0].seed)
    groups: dict[tuple[int, tuple[int, ...]], list[str]] = {}
    for (length, name), found in reached.items():
        groups.setdefault((length, tuple(sorted(found))), []).append(name)
    parts = []
    for (length, seeds), alike in sorted(groups.items()):
        words = f" --budget {_short(length)} --seeds {max(seeds) + 1}"
        if len(groups) > 1:
            whole = seeds == tuple(range(len(seeds)))
            names = alike if whole else [f"{name}-s{seed}" for name in alike for seed in seeds]
            words += " --panel " + " ".join(sorted(names))
        parts.append((words, len(alike) * len(seeds), length))
    return parts


def _whole(figure: str, table: Sequence[Line]) -> list[tuple[str, int, int]]:
    """The same where some curves may be shorter: they diverged, or the usual budget means several lengths."""
    curves = tables.by_curve(table).values()
    if not curves:
        return []
    length, seeds = _asked(max(rows[-1].samples for rows in curves)), 1 + max(rows[0].seed for rows in curves)
    words = f" --budget {_short(length)} --seeds {seeds}" if figure == "grid" else ""
    return [(words, len(curves), length)]


def _asked(samples: int) -> int:
    """The length that was asked for: the last row at or before the one that came, a step late if M does not divide."""
    marks = [mark for mark in FIRST_MARKS if mark <= samples]
    return samples // MARK * MARK if samples >= 2 * MARK else marks[-1] if marks else samples


def figure_2(table: Sequence[Line]) -> str:
    """Bounds; training as the running mean of the minibatches, as in the paper."""
    parts = []
    for data in dict.fromkeys(line.data for line in table):
        of_data = [line for line in table if line.data == data]
        rows = []
        counts = [count for count in COUNTS["figure_2"] if count <= AXIS_ENDS.get(data, 0)]
        for group in _sorted(by_stem(of_data)):
            first = group[0][0]
            for split, column in (("train", "train_running"), ("test", "test_bound")):
                theirs = paper.curve(2, data, first.n_z, first.method, split)
                cells = [_cell(theirs, group, count, column) for count in counts]
                rows.append([str(first.n_z), first.method, split, str(len(group)), *cells])
        header = ["N_z", "method", "bound", "seeds", *(_short(count) for count in counts)]
        parts.append(f"### {data}\n\n{markdown(header, rows)}\n{_settings(of_data)}")
    return "\n".join(parts)


def figure_3(table: Sequence[Line]) -> str:
    """log p(x) by Appendix D."""
    rows = []
    for group in _sorted(by_stem(table)):
        first = group[0][0]
        for split in MARGINALS:
            theirs = paper.curve(3, "mnist", first.n_z, first.method, split, first.n_train)
            cells = [_cell(theirs, group, count, split) for count in COUNTS["figure_3"]]
            rows.append([f"{first.n_train:,}", first.method, split, str(len(group)), *cells])
    header = ["N_train", "method", "log p(x)", "seeds", *(_short(count) for count in COUNTS["figure_3"])]
    head = (
        "log p(x) of the first 1,000 training and test images by Appendix D; a bar is the standard error from this "
        "choice. The paper's Monte Carlo EM with 50,000 images enters its panel at 4e7 samples only.\n\n"
    )
    return f"{head}{markdown(header, rows)}\n{_settings(table)}"


def _sorted(groups: Mapping[str, list[list[Line]]]) -> list[list[list[Line]]]:
    return sorted(groups.values(), key=lambda group: (group[0][0].n_train, group[0][0].n_z, group[0][0].method))


def _cell(theirs: Mapping[int, float], group: Sequence[Sequence[Line]], count: int, column: str) -> str:
    """paper / ours / gap."""
    found = [
        value for rows in group if (line := line_at(rows, count)) and not math.isnan(value := _value(line, column))
    ]
    ours = statistics.median(found) if found else None
    known = theirs.get(count)
    gap = f"{ours - known:+.1f}" if ours is not None and known is not None else "-"
    spread = f" ({min(found):.1f} to {max(found):.1f})" if len(found) > 1 else ""
    return f"{_shown(known)} / {_shown(ours)}{spread} / {gap}"


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _value(line: Line, column: str) -> float:
    return getattr(line.marginal if column in MARGINALS else line, column)


def _short(count: int) -> str:
    """1e7 rather than 10,000,000; exact.

    >>> _short(10_000_000), _short(250_000), _short(63_000)
    ('1e7', '2.5e5', '6.3e4')
    """
    mantissa, _, power = f"{count:e}".partition("e")
    return f"{float(mantissa):.6g}e{int(power)}"


def _settings(table: Iterable[Line]) -> str:
    """What the curves were made with, said once for all that share it."""
    groups: dict[str, list[str]] = {}
    for line in table:
        names = groups.setdefault(f"{line.settings}; {line.versions}; kernel {line.kernel}", [])
        name = stem(line.curve)
        if name not in names:
            names.append(name)
    return "".join(f"- {', '.join(names)}: {settings}\n" for settings, names in groups.items())


def reach(table: Sequence[Line]) -> str:
    """How far each curve came."""
    ends = {name: rows[-1].samples for name, rows in tables.by_curve(table).items()}
    by_end: dict[int, list[str]] = {}
    for name, samples in ends.items():
        by_end.setdefault(samples, []).append(name)
    lines = [f"- {samples:,}: {', '.join(sorted(names))}\n" for samples, names in sorted(by_end.items())]
    return "Where our curves end, in samples; nothing beyond was run.\n\n" + "".join(lines)


def others_measure() -> str:
    """What common example VAEs measure."""
    rows = [
        [one.name, str(one.n_z), f"{one.samples:,}", f"{one.train:.1f}", f"{one.test:.1f}"] for one in common_recipes()
    ]
    if not rows:
        return ""
    head = "## Common recipes, in this unit\n\nMNIST, real-valued; `python benchmarks/common_recipes.py` made them.\n\n"
    return head + markdown(["recipe", "N_z", "samples", "train", "test"], rows)


def machines(out: Path) -> str:
    """How long it took, and on what: from timings.csv."""
    path = out / "timings.csv"
    if not path.exists():
        return ""
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    groups: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in rows:
        groups.setdefault((stem(row["curve"]), row["processor"]), []).append(row)
    cells = [
        [
            name,
            str(len(group)),
            _short(sum(int(row["samples"]) for row in group)),
            f"{sum(float(row['seconds']) for row in group) / 60:.1f}",
            f"{1e6 * sum(float(row['seconds']) for row in group) / sum(int(row['samples']) for row in group):.0f}",
            processor,
        ]
        for (name, processor), group in sorted(groups.items())
    ]
    header = ["curve", "seeds", "samples in all", "minutes", "seconds per 1e6 samples", "processor"]
    head = "## Time\n\nOne BLAS thread for each curve, evaluation included. The paper had 20 to 40 minutes for 1e6.\n\n"
    return head + markdown(header, cells)
