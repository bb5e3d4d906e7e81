"""The bound against the training samples seen, as in Figure 2.
"""

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aevb_np.plotting.style import COLORS, MARKERS, styled_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure



def curve(
    samples: ArrayLike, bounds: Mapping[str, ArrayLike], title: str = "", ylabel: str = "lower bound (nats per image)"
) -> "Figure":
    """The bound of one run against the training samples seen, as in Figure 2.

    Lines whose label holds the word "test" are dashed. Labels that differ only in the words "train" and "test" share a
    colour.

    Parameters
    ----------
    samples : array, (T,)
        Training samples seen at each report, increasing.
    bounds : dict of label to array, (T,)
        In nats per image, such as ``{"train": ..., "test": ...}``.
    title, ylabel : str

    Returns
    -------
    Figure
        Log x axis. Where the start of a run lies far below the rest, it is left outside, and a note says so.

    Examples
    --------
    >>> figure = curve([1e4, 1e5, 1e6], {"train": [-206, -167, -124], "test": [-206, -166, -122]})
    >>> [line.get_linestyle() for line in figure.axes[0].lines]
    ['-', '--']
    """
    stems = list(dict.fromkeys(_stem(label) for label in bounds))
    lines = [_line(label, samples, y, stems.index(_stem(label)), "test" in label) for label, y in bounds.items()]
    figure, axes = styled_figure(title)
    _draw(axes, lines)
    axes.set_ylabel(ylabel)
    if lines:
        axes.legend(edgecolor="none", handlelength=3)
    return figure


def curves(runs: Mapping[str, tuple[ArrayLike, ArrayLike, ArrayLike | None]], title: str = "") -> "Figure":
    """The bounds of several runs in one picture, as in each panel of Figure 2: train solid, test dashed.

    Every run has a colour and a marker of its own, so that the picture can also be read in grey.

    Parameters
    ----------
    runs : dict of name to (samples, train, test)
        Arrays of (T,) numbers, T free for every run; bounds in nats per image. test may be None.
    title : str

    Returns
    -------
    Figure
        Axes as in `curve`; the legend is below them.
    """
    from matplotlib.lines import Line2D

    lines, handles = [], []
    for k, (name, (samples, train, test)) in enumerate(runs.items()):
        lines.append(_line(name, samples, train, k, dashed=False))
        handles.append(Line2D([], [], **{**lines[-1].style, "markevery": None, "label": textwrap.fill(name, 64)}))
        if test is not None:
            lines.append(_line(name, samples, test, k, dashed=True))

    longest = max(map(len, runs), default=0)
    columns = int(np.clip(66 // (longest + 9), 1, 4))
    rows = -(-len(runs) // columns) * (1 + longest // 64)
    figure, axes = styled_figure(title, height=3.8 + 0.2 * rows)
    _draw(axes, lines)
    solid = Line2D([], [], color="0.3", linestyle="-", label="train")
    dashed = Line2D([], [], color="0.3", linestyle="--", label="test")
    axes.legend(handles=[solid, dashed], edgecolor="none", handlelength=3)
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, frameon=False, handlelength=3)
    return figure


class _Line(NamedTuple):
    """One curve: the points that a log axis can show, and how many it cannot."""

    label: str
    x: NDArray
    y: NDArray
    missing: int
    style: dict[str, Any]


def _line(label: str, samples: ArrayLike, bound: ArrayLike, k: int, dashed: bool) -> _Line:
    x, y = np.asarray(samples, dtype=float), np.asarray(bound, dtype=float)
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"'{label}' needs one bound for every number of samples; got shapes {y.shape} and {x.shape}")
    keep = (x > 0) & np.isfinite(y)
    x, y = x[keep], y[keep]
    marks: list[int] = []
    if x.size:  # markers spread evenly over the log axis, those of test between those of train if there is room
        places = x[0] * (x[-1] / x[0]) ** ((np.arange(11) + 0.5 * dashed) / 10.5)
        marks = sorted({int(np.abs(np.log(x / place)).argmin()) for place in places})
    style = {
        "color": COLORS[k % len(COLORS)],
        "linestyle": "--" if dashed else "-",
        "linewidth": 1.6,
        "marker": MARKERS[k % len(MARKERS)],
        "markersize": 4.5,
        "markerfacecolor": "white" if dashed else COLORS[k % len(COLORS)],
        "markevery": marks,
    }
    return _Line(label, x, y, int(np.sum(~keep)), style)


def _stem(label: str) -> str:
    return label.replace("train", "").replace("test", "")


def _draw(axes: "Axes", lines: Sequence[_Line]) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    for line in lines:
        axes.plot(line.x, line.y, label=line.label, **line.style)
    axes.set(xscale="log", xlabel="training samples seen", ylabel="lower bound (nats per image)")

    x = np.concatenate([np.empty(0), *(line.x for line in lines)])
    first, last = (x.min(), x.max()) if x.size else (1.0, 10.0)
    space = 1.15 if first < last else 3.0
    left, right = first / space, last * space
    axes.set_xlim(left, right)
    axes.xaxis.set_major_locator(
        LogLocator() if right > 40 * left else LogLocator(subs=(1, 2, 5)) if right > 4 * left else MaxNLocator(5)
    )
    axes.xaxis.set_major_formatter(FuncFormatter(lambda n, _: f"{n:.3g}".replace("+0", "").replace("+", "")))
    axes.xaxis.set_minor_formatter(NullFormatter())

    low, high = _limits(lines)
    margin = 0.05 * (high - low) or max(1.0, 0.02 * abs(high))
    axes.set_ylim(low - margin, high + margin)

    below = np.concatenate([np.empty(0), *(line.y[line.y < low] for line in lines)])
    outside = below.size + sum(line.missing for line in lines)
    if outside:
        note = f"outside the picture: {outside} point{'s' if outside > 1 else ''}"
        note += f", the lowest at {below.min():.4g}".replace("-", "\N{MINUS SIGN}", 1) if below.size else ""
        axes.annotate(note, (1, 0), (0, -44), "axes fraction", "offset points", ha="right", fontsize=8, color="0.4")


def _limits(lines: Sequence[_Line]) -> tuple[float, float]:
    """From where to where to look: everything, unless a start (or a wreck) lies so far below that the rest goes flat.

    A quarter of the log axis along, the best run has left its start behind: the picture goes three times as deep, and
    deeper where half of another run needs it. A run that came to nothing, tenfold below, does not count.
    """
    lines = [line for line in lines if line.y.size]
    if not lines:
        return 0.0, 1.0
    high = max(line.y.max() for line in lines)
    lowest = min(line.y.min() for line in lines)
    on_log_axis = [np.interp(np.geomspace(line.x[0], line.x[-1], 100), line.x, line.y) for line in lines]
    depth = max(3 * (high - max(np.quantile(y, 0.25) for y in on_log_axis)), 0.25 * abs(high))
    halves = [high - np.median(y) for y in on_log_axis]
    depth = max([depth, *(half for half in halves if half < 10 * max(depth, abs(high)))])
    if high - lowest <= 2 * depth:
        return lowest, high
    return min(line.y[line.y >= high - depth].min(initial=high) for line in lines), high
