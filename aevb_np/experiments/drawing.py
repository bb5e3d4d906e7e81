"""The pictures of the figures, from arrays. Colours are the paper's: AEVB red, wake-sleep green, Monte Carlo EM blue.

Training is solid and test dashed, as there. The three colours differ in how dark they are, and the paper's points in
their shape, so that the pictures can be read in grey.
"""

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aevb_np import plotting
from aevb_np.experiments.lines import Line
from aevb_np.mcem import LEAPFROGS, UPDATES
from aevb_np.plotting.style import few_lines, grid_behind

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOR = {"aevb": "#B2182B", "wake-sleep": "#5AAE61", "mcem": "#2166AC"}
MARKER = {"aevb": "o", "wake-sleep": "^", "mcem": "s"}
METHOD = {"aevb": "AEVB", "wake-sleep": "wake-sleep", "mcem": "Monte Carlo EM"}
DATA = {"mnist": "MNIST", "frey": "Frey Face", "digits": "drawn digits", "faces": "drawn faces"}
INK = ("mnist", "digits")  # bright on black: shown black on white, as in the paper
DASHED = (0, (4, 2))
SMALL = 8  # points
BAND = 0.18  # how opaque
WITH_MOVES: dict[str, Any] = {"color": COLOR["mcem"], "linestyle": ":", "linewidth": 0.9}

# The axes of Figure 2: bounds from and to, and the last number of samples.
AXES = {"mnist": (-150.0, -95.0, 2.5e8), "frey": (0.0, 1600.0, 1e8)}


@dataclass(frozen=True)
class Trace:
    """One line: ours, and the paper's points beside it.

    Attributes
    ----------
    method, split : str
    samples, values, errors : sequence of float
        `errors` may be empty.
    paper : dict
        The paper's value by the number of samples.
    band : sequence of (samples, lowest, highest)
        Of several seeds, where there are several.
    """

    method: str
    split: str
    samples: Sequence[float]
    values: Sequence[float]
    errors: Sequence[float] = ()
    paper: Mapping[int, float] = field(default_factory=dict)
    band: Sequence[tuple[float, float, float]] = ()

    @property
    def style(self) -> dict[str, Any]:
        """Of the line."""
        dashed = self.split == "test"
        return {"color": COLOR[self.method], "linestyle": DASHED if dashed else "-", "linewidth": 1.5}

    @property
    def point(self) -> dict[str, Any]:
        """Of the paper's points: hollow for test."""
        return {
            "color": COLOR[self.method],
            "linestyle": "none",
            "marker": MARKER[self.method],
            "markersize": 4,
            "markerfacecolor": "white" if self.split == "test" else COLOR[self.method],
            "markeredgewidth": 0.9,
            "zorder": 3,
        }


# ---------------------------------------------------------------------------------------------------- Figures 2 and 3


def bounds(panels: Mapping[str, Sequence[Trace]], note: str = "") -> "Figure":
    """The panels of Figure 2: a row for each data set, log axis.

    Parameters
    ----------
    panels : dict of "data-N_z" to traces
    note : str
        Stands above all of them.
    """
    rows: dict[str, list[tuple[int, Sequence[Trace]]]] = {}
    for name, traces in panels.items():
        data, _, size = name.rpartition("-")
        rows.setdefault(data, []).append((int(size), traces))
    width = max(map(len, rows.values()))
    inches = max(2.6 * width, 5.2) + 0.5, 2.7 * len(rows) + 0.9
    figure, grid = _grid(len(rows), width, inches)
    for (data, row), line in zip(sorted(rows.items(), key=lambda pair: pair[0] in ("frey", "faces")), grid):
        everything = [trace for _, traces in row for trace in traces]
        for axes, (J, traces) in zip(line, sorted(row, key=lambda pair: pair[0])):
            _panel(axes, traces)
            _log_axis(axes, everything, AXES.get(data))
            _say_what_is_below(axes, traces)
            axes.set_title(f"{DATA.get(data, data)}, $N_z = {J}$", fontsize=10, loc="left")
        line[0].set_ylabel("lower bound (nats per image)", fontsize=9)
        for axes in line[1 : len(row)]:
            axes.tick_params(labelleft=False)
    for column in grid.T:
        [axes for axes in column if axes.lines][-1].set_xlabel("training samples seen", fontsize=9)
    unused = [axes for axes in grid.ravel() if not axes.lines]
    for axes in unused:
        axes.set_axis_off()
    _legend(unused[-1] if unused else figure, [trace for traces in panels.values() for trace in traces])
    _note(figure, note)
    return figure


def marginals(panels: Mapping[int, Sequence[Trace]], note: str = "") -> "Figure":
    """The panels of Figure 3: estimates of log p(x) against millions of samples, with their standard errors.

    The paper does not say how it counts the samples of Monte Carlo EM. Ours are datapoints in updates of the weights;
    the thin dotted line has the same values against datapoints in updates and in leapfrog steps, three times that.
    """
    figure, (line,) = _grid(1, max(len(panels), 1), (4.6 * max(len(panels), 1) + 0.4, 4.2))
    for axes, (N, traces) in zip(line, sorted(panels.items())):
        for trace in traces:
            x = np.asarray(trace.samples) / 1e6
            axes.errorbar(x, trace.values, trace.errors or None, elinewidth=0.7, capsize=1.5, **trace.style)
            if trace.method == "mcem":
                axes.plot(x * (UPDATES + LEAPFROGS) / UPDATES, trace.values, **WITH_MOVES)
            theirs = {n: value for n, value in trace.paper.items() if n <= max(1.05e6, 1.3 * max(trace.samples))}
            axes.plot([n / 1e6 for n in theirs], list(theirs.values()), **trace.point)
        ends, last = [trace.values[-1] for trace in traces], max(trace.samples[-1] for trace in traces) / 1e6
        near = [value for value in ends if value > max(ends) - 70]  # one that has not begun to move is left outside
        tops = [value for trace in traces for value in [*trace.values, *trace.paper.values()]]
        axes.set(ylim=(min(-160, min(near) - 10), max(tops) + 4), xlim=(0, 1.05 * last))
        axes.set_title(f"$N_{{train}}$ = {N:,}", fontsize=10, loc="left")
        axes.set_xlabel("training samples seen (millions)", fontsize=9)
    line[0].set_ylabel("log p(x), estimated (nats per image)", fontsize=9)
    _legend(figure, [trace for traces in panels.values() for trace in traces])
    _note(figure, note)
    return figure


def _panel(axes: "Axes", traces: Sequence[Trace]) -> None:
    for trace in traces:
        axes.plot(trace.samples, trace.values, **trace.style)
        if trace.band:
            samples, low, high = zip(*trace.band)
            axes.fill_between(samples, low, high, color=COLOR[trace.method], alpha=BAND, linewidth=0)
        axes.plot(list(trace.paper), list(trace.paper.values()), **trace.point)


def _log_axis(axes: "Axes", traces: Sequence[Trace], paper: tuple[float, float, float] | None) -> None:
    """Where to look: the paper's axes as far as our curves go, deeper where they have not come that high yet."""
    last = max(trace.samples[-1] for trace in traces)
    first = min(trace.samples[0] for trace in traces)
    right = 1.2 * last if paper is None else min(1.1 * paper[2], max(10 * last, 1.2e6))
    axes.set(xscale="log", xlim=(1e5 if last >= 1e6 else first, max(right, 1.1 * last)))
    ends = [trace.values[-1] for trace in traces]
    if paper is None:
        low, high = np.quantile([value for trace in traces for value in trace.values], [0.3, 1.0])
        room = 0.08 * (high - low) + 1
        axes.set_ylim(min(low, min(ends)) - room, high + room)
    else:
        height = paper[1] - paper[0]
        near = [end for end in ends if end > paper[0] - height] or ends  # one that fell would flatten all the others
        axes.set_ylim(min(paper[0], min(near) - 0.25 * height), max(paper[1], max(ends) + 0.05 * height))


def _say_what_is_below(axes: "Axes", traces: Sequence[Trace]) -> None:
    """In words, where a method's curves end if that is below the panel."""
    bottom = axes.get_ylim()[0]
    below = {trace.method: trace.values[-1] for trace in traces if trace.values[-1] < bottom}
    for place, (method, end) in enumerate(below.items()):
        text = f"{METHOD[method]}\nends at {end:.0f}"
        at = (0.97, 0.03 + 0.14 * place)
        axes.text(*at, text, color=COLOR[method], fontsize=SMALL, ha="right", transform=axes.transAxes)


def _grid(rows: int, columns: int, size: tuple[float, float]) -> tuple["Figure", NDArray]:
    """Empty axes in the style of all pictures."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.ravel():
        few_lines(axes, ticks="0.7", labels=SMALL)
        grid_behind(axes, color="0.92", width=0.7)
    return figure, grid


def _legend(place: "Figure | Axes", traces: Sequence[Trace]) -> None:
    """Below the figure, or in axes that have nothing else to show."""
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = []
    for method in (method for method in METHOD if any(trace.method == method for trace in traces)):
        for split in ("train", "test"):
            style = Trace(method, split, (), ()).style
            handles.append(Line2D([], [], **style, label=f"{METHOD[method]}, {split}"))
    if any(trace.method == "mcem" for trace in traces):
        handles.append(Line2D([], [], **WITH_MOVES, label="the same, leapfrogs counted"))
    with_points = [method for method in METHOD if any(trace.method == method and trace.paper for trace in traces)]
    for method in with_points:
        point = Trace(method, "train", (), ()).point
        handles.append(Line2D([], [], **point, label=f"paper, {METHOD[method]} (hollow: test)"))
    for trace in [trace for trace in traces if trace.band][:1]:  # one stands for all
        label = "from the lowest to the highest seed"
        handles.append(Patch(color=COLOR[trace.method], alpha=BAND, linewidth=0, label=label))
    style = {"handles": handles, "frameon": False, "fontsize": 9, "handlelength": 3}
    if isinstance(place, Figure):
        columns = min(len(handles), 4 if place.get_figwidth() > 9 else 2)
        place.legend(loc="outside lower center", ncols=columns, **style)
    else:
        place.legend(loc="center", **style)


def _note(figure: "Figure", note: str) -> None:
    if note:
        text = textwrap.fill(note, int(13 * figure.get_figwidth()))
        figure.suptitle(text, fontsize=10, color="0.25", x=0.01, ha="left")


def grid(curves: Mapping[tuple[int, int], Mapping[int, float]], note: str = "") -> "Figure":
    """Bounds of several (L, M) against the datapoints seen; L = 1 solid, more dashed."""
    figure, ((axes,),) = _grid(1, 1, (6.4, 4.4))
    sizes = sorted({M for _, M in curves})
    for (L, M), points in curves.items():
        k = sizes.index(M)
        axes.plot(
            list(points), list(points.values()), label=f"L = {L}, M = {M}", color=plotting.COLORS[k], linewidth=1.5,
            marker=plotting.MARKERS[k], markersize=4, linestyle="-" if L == 1 else DASHED,
            markerfacecolor=plotting.COLORS[k] if L == 1 else "white",
        )  # fmt: skip
    ends = [max(points.values()) for points in curves.values()]
    starts = np.array([value for points in curves.values() for value in points.values()])
    low = max(starts.min(), min(ends) - 3 * (max(ends) - min(ends)) - 40)
    axes.set(xscale="log", xlabel="datapoints seen", ylabel="test bound (nats per image)", ylim=(low, max(ends) + 3))
    axes.legend(loc="lower right", edgecolor="none", fontsize=9, handlelength=3)
    _note(figure, note)
    return figure


# ----------------------------------------------------------------------------------------------------------- images


def samples(images: Mapping[int, NDArray], shape: tuple[int, int], note: str = "") -> "Figure":
    """Squares of 10 x 10 images side by side, as in Figure 5."""
    figure, (line,) = _grid(1, len(images), (3.0 * len(images) + 0.2, 3.35 if not note else 3.6))
    figure.set_layout_engine("constrained", wspace=0.08)
    for axes, (J, x) in zip(line, images.items()):
        _picture(axes, plotting.mosaic(1 - np.clip(x, 0, 1), shape, 10))
        axes.set_xlabel(f"{J} latent dimensions", fontsize=10)
    _note(figure, note)
    return figure


def plane(images: NDArray, side: int, reach: float, shape: tuple[int, int], ink: bool, note: str = "") -> "Figure":
    """The decoder's means on a square of the latent plane; z_0 down, z_1 to the right."""
    figure, ((axes,),) = _grid(1, 1, (6.2, 6.4))
    height, width = shape
    _picture(axes, plotting.mosaic(1 - images if ink else images, shape, side))
    z = np.arange(-math.floor(reach), math.floor(reach) + 1)
    tile = (z + reach) / (2 * reach) * (side - 1) + 0.5  # where z lies, counted in tiles
    names = [f"{value:d}".replace("-", "\N{MINUS SIGN}") for value in z]
    axes.set_xticks(tile * (width + plotting.GAP) - 0.5, names)
    axes.set_yticks(tile * (height + plotting.GAP) - 0.5, names)
    axes.tick_params(length=3)
    axes.set_xlabel(r"$z_1\ \rightarrow$")
    axes.set_ylabel(r"$\leftarrow\ z_0$")
    _note(figure, note)
    return figure


def report_reconstructions(
    originals: NDArray, means: Mapping[int, NDArray], shape: tuple[int, int], ink: bool, note: str = ""
) -> "Figure":
    """Images in the first row, and in each row below what a model makes of them."""
    rows = np.concatenate([originals, *means.values()])
    figure, ((axes,),) = _grid(1, 1, (1.05 * len(originals) + 1.0, 1.05 * (1 + len(means)) + 0.2))
    _picture(axes, plotting.mosaic(1 - rows if ink else rows, shape, len(originals)))
    middle = (np.arange(1 + len(means)) + 0.5) * (shape[0] + plotting.GAP) - 1
    axes.set_yticks(middle, ["original", *(f"$N_z = {J}$" for J in means)])
    axes.tick_params(length=0, labelsize=10)
    _note(figure, note)
    return figure


def _picture(axes: "Axes", picture: NDArray) -> None:
    axes.imshow(picture, cmap="gray", vmin=0, vmax=1)
    axes.grid(visible=False)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def report_curves(curves: Mapping[str, Sequence[Line]], theirs: Mapping[int, float], note: str = "") -> "Figure":
    """A panel for each number of latent dimensions, with Adam, Adagrad, and Adam on more images in it.

    theirs is the report's best test bound, by the number of latent dimensions.
    """
    kinds = ("Adam", "Adagrad", "Adam on 60,000 images")
    handles = {}
    sizes = sorted({rows[0].n_z for rows in curves.values()})
    figure, (line,) = _grid(1, len(sizes), (3.4 * len(sizes) + 0.5, 3.9))
    for axes, J in zip(line, sizes):
        for rows in sorted((rows for rows in curves.values() if rows[0].n_z == J), key=lambda rows: -rows[0].seed):
            k = 1 if "adagrad" in rows[0].settings else 2 if rows[0].n_train == 60_000 else 0
            style: dict[str, Any] = {"color": plotting.COLORS[k], "linewidth": 0.6}
            if rows[0].seed == 0:  # the others thin, behind it
                style |= {"marker": plotting.MARKERS[k], "markersize": 3.5, "linewidth": 1.4}
            x = [row.samples for row in rows]
            for name, dash in (("train_bound", "-"), ("test_bound", DASHED)):
                label = f"{kinds[k]}, {name.partition('_')[0]}"
                y = [getattr(row, name) for row in rows]
                handles[label] = axes.plot(x, y, ls=dash, markevery=max(1, len(x) // 8), label=label, **style)[0]
        if J in theirs:
            label = "the report's best, test"
            handles[label] = axes.axhline(theirs[J], color="0.35", linestyle=":", linewidth=1.2, label=label)
        axes.set(xscale="log", title=f"$N_z = {J}$", xlabel="training samples seen")
        axes.title.set_fontsize(10)
        best = max(row.train_bound for rows in curves.values() for row in rows if row.n_z == J)
        worst = min(row.test_bound for rows in curves.values() for row in rows if row.n_z == J)
        axes.set_ylim(max(worst, best - 50) - 2, best + 4)
    line[0].set_ylabel("lower bound (nats per image)", fontsize=9)
    figure.legend(
        handles=list(handles.values()), loc="outside lower center", ncols=4, frameon=False, fontsize=9, handlelength=3
    )
    _note(figure, note)
    return figure
