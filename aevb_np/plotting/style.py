"""The look that all pictures share: colours, markers, and axes with few lines.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


# Okabe and Ito's colours without the yellow, which is lost on white, and markers for those who see or print in grey.
# Seven of one and eight of the other: 56 runs before a pair comes back.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#56B4E9", "#E69F00")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
# Tol's nine "muted" colours, chosen to stay apart under the common forms of colour blindness, and a dark grey.
CLASS_COLORS = (
    "#332288", "#88CCEE", "#44AA99", "#117733", "#999933", "#DDCC77", "#CC6677", "#882255", "#AA4499", "#555555",
)  # fmt: skip
GAP = 1  # white pixels between two images
UNSEEN = "#A9CCE3"  # a light blue for pixels of which nothing is known: no shade of grey could be told from one


def styled_figure(title: str, width: float = 6.0, height: float = 4.0, grid: bool = True) -> "tuple[Figure, Axes]":
    """A figure with one set of axes in the style of all of them: few lines, the title on the left."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    title = title.replace("$", r"\$")  # a file may be called x$1$.npy, and that is no formula
    axes.set_title(title, loc="left", fontsize=11, wrap=True)
    few_lines(axes, ticks="0.6", labels=9)
    axes.tick_params(which="minor", color="0.8")
    if grid:
        grid_behind(axes, color="0.9", width=0.8)
    return figure, axes


def few_lines(axes: "Axes", ticks: str, labels: float) -> None:
    """Axes with lines on the left and at the bottom only, all of them grey."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("0.6")
    axes.tick_params(which="both", color=ticks, labelsize=labels)


def grid_behind(axes: "Axes", color: str, width: float) -> None:
    """A light grid behind what is drawn."""
    axes.grid(color=color, linewidth=width)
    axes.set_axisbelow(True)
