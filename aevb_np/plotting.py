"""Look at what was learnt: bounds over training, images, and the latent space. Section 5, Figures 2, 4 and 5.

Every function takes arrays and returns a matplotlib ``Figure``. A notebook shows it (after ``%matplotlib inline``), and
``figure.savefig("name.pdf", dpi=200)`` keeps it. Nothing here opens a window, changes a setting of matplotlib or writes
a file.
"""

import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

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


# ---------------------------------------------------------------------------------------------- bounds over training


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
    figure, axes = _figure(title)
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
    figure, axes = _figure(title, height=3.8 + 0.2 * rows)
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


# ------------------------------------------------------------------------------------------------------------ images


def mosaic(x: ArrayLike, image_shape: tuple[int, int], columns: int) -> NDArray:
    """Many images side by side in one array, row after row, one white pixel (1.0) apart.

    Parameters
    ----------
    x : array, (M, D)
        Image k goes to row ``k // columns`` and column ``k % columns``.
    image_shape : (height, width)
        With height * width = D.
    columns : int

    Returns
    -------
    picture : array, (rows * (height + 1) - 1, columns * (width + 1) - 1)
        Tiles without an image are white.

    Examples
    --------
    >>> mosaic(np.array([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]), (1, 2), columns=2)
    array([[0.1, 0.2, 1. , 0.3, 0.4],
           [1. , 1. , 1. , 1. , 1. ],
           [0.5, 0.6, 1. , 1. , 1. ]])
    """
    x = np.asarray(x)
    height, width = image_shape
    if x.ndim != 2 or x.shape[1] != height * width:
        raise ValueError(
            f"images of {height} x {width} come as rows of {height * width} numbers; got an array of shape {x.shape}"
        )
    if columns < 1:
        raise ValueError(f"images stand in one column or more; got {columns}")
    rows = -(-len(x) // columns)
    picture = np.ones((max(rows * (height + GAP) - GAP, 0), columns * (width + GAP) - GAP))
    for k, image in enumerate(x.reshape(-1, height, width)):
        top, left = k // columns * (height + GAP), k % columns * (width + GAP)
        picture[top : top + height, left : left + width] = image
    return picture


def images(
    x: ArrayLike, image_shape: tuple[int, int], columns: int = 10, title: str = "", invert: bool = True
) -> "Figure":
    """A grid of grey images, as in Figure 5.

    Parameters
    ----------
    x : array, (M, D)
        Grey values; what is below 0 or above 1 is drawn as 0 or 1.
    image_shape : (height, width)
        With height * width = D.
    columns : int
    title : str
    invert : bool
        True draws 1 black and 0 white: ink on paper, as the paper shows MNIST. False draws 1 white, as faces need.
    """
    grey = _grey(x, invert)
    columns = min(columns, max(len(grey), 1))
    figure, _ = _show(mosaic(grey, image_shape, columns), columns, title)
    return figure


def reconstructions(
    x: ArrayLike,
    x_mean: ArrayLike,
    image_shape: tuple[int, int],
    invert: bool = True,
    columns: int = 10,
    title: str = "",
) -> "Figure":
    """Images, and below each what the model makes of it: the decoder's mean at the encoder's mean.

    Parameters
    ----------
    x, x_mean : array, (M, D)
        The originals and their reconstructions.
    image_shape : (height, width)
        With height * width = D.
    invert : bool
        As in `images`.
    columns : int
        Pairs in one row.
    title : str
    """
    originals, means = _grey(x, invert), _grey(x_mean, invert)
    if originals.shape != means.shape:
        raise ValueError(f"every image needs its reconstruction; got shapes {originals.shape} and {means.shape}")
    figure, _ = _strips({"original": originals, "reconstruction": means}, image_shape, columns, title)
    return figure


def completions(
    x: ArrayLike,
    seen: ArrayLike,
    x_mean: ArrayLike,
    spread: ArrayLike,
    image_shape: tuple[int, int],
    invert: bool = True,
    columns: int = 10,
    title: str = "",
) -> "Figure":
    """Images, what was seen of each, and what the posterior makes of that: its mean, and how far to trust it.

    Parameters
    ----------
    x, seen, x_mean, spread : array, (M, D)
        The whole images; what was seen, with NaN in pixels of which nothing was seen (drawn in blue, which no image
        holds); posterior mean and standard deviation.
    image_shape : (height, width)
        With height * width = D.
    invert : bool
        As in `images`. The spread is always white where there is none and black where it is largest.
    columns : int
        Images in one row.
    title : str
    """
    from matplotlib import colormaps

    spread = np.asarray(spread, dtype=float)
    largest = spread.max(initial=0)
    rows = {
        "image": _grey(x, invert),
        "seen": _grey(seen, invert),
        "posterior mean": _grey(x_mean, invert),
        f"spread\n(black: {largest:.2g})": 1 - spread / (largest or 1),
    }
    if len({grey.shape for grey in rows.values()}) > 1:
        shapes = ", ".join(str(grey.shape) for grey in rows.values())
        raise ValueError(f"every image needs what was seen of it, a mean and a spread; got shapes {shapes}")
    figure, axes = _strips(rows, image_shape, columns, title)
    for picture in axes.images:
        picture.set_cmap(colormaps["gray"].with_extremes(bad=UNSEEN))
    return figure


def _strips(
    rows: Mapping[str, NDArray], image_shape: tuple[int, int], columns: int, title: str
) -> "tuple[Figure, Axes]":
    """Rows of grey images that belong together column by column, with their names; long ones go on in a new strip."""
    names, (M, D), height = list(rows), next(iter(rows.values())).shape, image_shape[0]
    columns = min(columns, max(M, 1))
    strips = -(-M // columns)
    blank = np.ones((strips * columns - M, D))
    parts = [np.concatenate([grey, blank]).reshape(strips, columns, D) for grey in rows.values()]
    picture = mosaic(np.stack(parts, axis=1).reshape(len(names) * strips * columns, D), image_shape, columns)

    space = max(2, height // 5)  # more white between two strips than within one
    pitch = len(names) * (height + GAP)
    picture = np.insert(picture, np.repeat(pitch * np.arange(1, strips), space), 1.0, axis=0)
    tops = np.add.outer((pitch + space) * np.arange(strips), (height + GAP) * np.arange(len(names)))
    figure, axes = _show(picture, columns, title, left=1.0)
    axes.set_yticks(tops.ravel() + height / 2 - 0.5, names * strips)
    return figure, axes


def _grey(x: ArrayLike, invert: bool) -> NDArray:
    """Grey values as a screen has them: 0 black, 1 white."""
    grey = np.clip(np.asarray(x, dtype=float), 0, 1)
    return 1 - grey if invert else grey


def _show(picture: NDArray, columns: int, title: str, left: float = 0.0, below: float = 0.0) -> "tuple[Figure, Axes]":
    """One grey picture as large as a notebook likes it, without ticks and frame; left and below, inches for labels."""
    rows, width = (max(n, 1) for n in picture.shape)
    scale = min((6.0 - left) / width, 1.2 * columns / width, 12.0 / rows)  # inches a pixel
    size = max(scale * width + left, 3.0) + 0.1, max(scale * rows, 0.4) + below + (0.35 if title else 0.1)
    figure, axes = _figure(title, *size, grid=False)
    if picture.size:
        axes.imshow(picture, cmap="gray", vmin=0, vmax=1)
    axes.set(xticks=[], yticks=[], anchor="NW")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return figure, axes


# ------------------------------------------------------------------------------------------------------ latent space


def manifold_grid(n: int) -> NDArray:
    """The n * n values of z of Figure 4: each tile stands for an equal share of the prior's probability.

    In either direction z is the inverse Gaussian CDF of u = (i + 0.5) / n, i = 0 ... n - 1: a linear grid on the unit
    square, seen from the prior.

    Returns
    -------
    z : array, (n * n, 2)
        Row ``i * n + j`` belongs to the tile in row i and column j; z_0 changes from row to row, z_1 from column to
        column.

    Examples
    --------
    >>> manifold_grid(2).round(2)
    array([[-0.67, -0.67],
           [-0.67,  0.67],
           [ 0.67, -0.67],
           [ 0.67,  0.67]])
    """
    from scipy.special import ndtri

    z = ndtri((np.arange(n) + 0.5) / n)
    return np.stack(np.meshgrid(z, z, indexing="ij"), axis=-1).reshape(n * n, 2)


def manifold(
    decode: Callable[[NDArray], NDArray],
    image_shape: tuple[int, int],
    n: int = 20,
    invert: bool = True,
    title: str = "",
) -> "Figure":
    """What the decoder draws all over a two-dimensional latent space: Figure 4.

    Parameters
    ----------
    decode : function from (n * n, 2) to (n * n, D)
        The decoder's mean at every row of z.
    image_shape : (height, width)
        With height * width = D.
    n : int
        Tiles in a row and in a column: 20 for MNIST in the paper, 10 for Frey Face.
    invert : bool
        As in `images`.
    title : str

    Returns
    -------
    Figure
        z_0 runs down the rows and z_1 along the columns, marked at whole numbers of standard deviations.
    """
    from scipy.special import ndtr

    height, width = image_shape
    x = np.asarray(decode(manifold_grid(n)))
    figure, axes = _show(mosaic(_grey(x, invert), image_shape, n), n, title, left=0.55, below=0.5)

    z = np.arange(-3, 4)
    tile = n * ndtr(z)  # where z lies, counted in tiles
    inside = (tile > 0.4) & (tile < n - 0.4)
    labels = [f"{value:d}".replace("-", "\N{MINUS SIGN}") for value in z[inside]]
    axes.set_yticks(tile[inside] * (height + GAP) - 0.5 - GAP / 2, labels)
    axes.set_xticks(tile[inside] * (width + GAP) - 0.5 - GAP / 2, labels)
    axes.set(xlabel=r"$z_1\ \rightarrow$", ylabel=r"$\leftarrow\ z_0$")
    axes.tick_params(length=3)
    return figure


def scatter(
    z: ArrayLike,
    labels: ArrayLike | None = None,
    values: ArrayLike | None = None,
    value_name: str = "",
    title: str = "",
) -> "Figure":
    """Where the encoder puts the data in a two-dimensional latent space.

    The axes run as in `manifold`, z_1 to the right and z_0 downwards, so that a class is found in the same corner of
    both pictures. Two circles show the prior at 1 and 2 standard deviations.

    Parameters
    ----------
    z : array, (M, 2)
        Means of q(z|x).
    labels : array, (M,), optional
        Classes: they give the points their colours, and their names stand at the median of their points.
    values : array, (M,), optional
        Numbers that give the points their colours instead, with a colour bar.
    value_name : str
        What the numbers are, for the colour bar.
    title : str
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.patheffects import withStroke

    z = np.asarray(z, dtype=float)
    if z.ndim != 2 or z.shape[1] != 2:
        raise ValueError(f"a scatter plot needs two latent dimensions, an array of (M, 2); got shape {z.shape}")
    figure, axes = _figure(title, 5.6, 5.0)
    outline = [withStroke(linewidth=2.5, foreground="white")]
    extent = 1.05 * max(2.1, np.abs(z).max(initial=0))

    dots: dict[str, Any] = {
        "s": float(np.clip(25000 / max(len(z), 1), 3, 25)),
        "alpha": 0.7,
        "linewidths": 0,
        "rasterized": True,
    }
    if values is not None:
        points = axes.scatter(z[:, 1], z[:, 0], c=np.asarray(values, dtype=float), cmap="cividis", **dots)
        bar = figure.colorbar(ScalarMappable(points.norm, points.cmap), ax=axes, label=value_name, shrink=0.8)
        bar.outline.set_visible(False)
    elif labels is not None:
        _, number = np.unique(np.asarray(labels), return_inverse=True)
        axes.scatter(z[:, 1], z[:, 0], c=[CLASS_COLORS[k % len(CLASS_COLORS)] for k in number], **dots)
    else:
        axes.scatter(z[:, 1], z[:, 0], c=COLORS[0], **dots)

    angle = np.linspace(0, 2 * np.pi, 200)
    for radius in (1, 2):
        axes.plot(radius * np.cos(angle), radius * np.sin(angle), color="0.5", linewidth=0.8, zorder=2.5)
        paper = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
        axes.text(0, radius, f"{radius} sd", color="0.35", fontsize=8, ha="center", va="center", bbox=paper)

    if labels is not None:
        names = np.unique(np.asarray(labels))
        medians = np.array([np.median(z[np.asarray(labels) == name], axis=0) for name in names])
        for name, (z_0, z_1) in zip(names, _apart(medians, 0.11 * extent)):
            axes.text(
                z_1, z_0, str(name), ha="center", va="center", fontsize=13, fontweight="bold", path_effects=outline
            )

    axes.set(xlabel=r"$z_1\ \rightarrow$", ylabel=r"$\leftarrow\ z_0$", aspect="equal")
    axes.set(xlim=(-extent, extent), ylim=(extent, -extent))
    return figure


def _apart(points: NDArray, distance: float) -> NDArray:
    """The points, with those that are too near for their names to be read pushed away from one another."""
    points = points.copy()
    for _ in range(50):
        for a in range(len(points)):
            for b in range(a):
                between = points[a] - points[b]
                length = np.hypot(*between)
                if length < distance:
                    push = 0.5 * (distance - length) * (between / length if length > 0 else np.array([0.0, 1.0]))
                    points[a] += push
                    points[b] -= push
    return points


def latent_kl(kl_per_dimension: ArrayLike, threshold: float = 0.01, title: str = "") -> "Figure":
    """How much every latent dimension says about the data, and how many say anything at all.

    The KL of Appendix B is a sum over latent dimensions, and its bars are sorted here. Dimensions that the model does
    not need fall to the prior and have next to none: the superfluous latent variables of section 5 that do not overfit.

    Parameters
    ----------
    kl_per_dimension : array, (J,)
        KL(q(z_j|x) || p(z_j)), mean over the data, in nats.
    threshold : float
        A dimension is active if its KL is above this.
    title : str
        Stands above the count of active dimensions.

    Returns
    -------
    Figure
        Log y axis: from bar to bar, not from the ground, is how to read it.
    """
    from matplotlib.ticker import FuncFormatter, NullFormatter

    kl = np.asarray(kl_per_dimension, dtype=float)
    J = len(kl)
    order = np.argsort(-kl, kind="stable")
    active = kl[order] > threshold
    above = f"{title}\n" if title else ""
    figure, axes = _figure(f"{above}{active.sum()} of {J} latent dimensions are active, {kl.sum():.1f} nats in all")
    axes.bar(np.arange(J), kl[order], width=0.8, color=np.where(active, COLORS[0], "0.7"), zorder=2)
    axes.axhline(threshold, color=COLORS[1], linewidth=1.2, linestyle="--")
    axes.annotate(
        f"{threshold:g} nats", (1, threshold), (-2, 3), ("axes fraction", "data"), "offset points",
        ha="right", fontsize=9, color=COLORS[1], bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
    )  # fmt: skip
    axes.set_yscale("log")
    bottom, top = np.clip(kl.min(initial=threshold), threshold / 100, threshold), kl.max(initial=threshold)
    half = max(J, 5) / 2 + 0.2
    axes.set(ylim=(bottom / 2, 2 * top), xlim=((J - 1) / 2 - half, (J - 1) / 2 + half))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_ylabel("KL (nats)")
    axes.grid(visible=False, axis="x")
    if J <= 30:
        axes.set_xticks(np.arange(J), order.tolist())
        axes.set_xlabel("latent dimension $j$, sorted by its KL")
    else:
        axes.set_xlabel("rank of the latent dimension, sorted by its KL")
    return figure


def _figure(title: str, width: float = 6.0, height: float = 4.0, grid: bool = True) -> "tuple[Figure, Axes]":
    """A figure with one set of axes in the style of all of them: few lines, the title on the left."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    title = title.replace("$", r"\$")  # a file may be called x$1$.npy, and that is no formula
    axes.set_title(title, loc="left", fontsize=11, wrap=True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("0.6")
    axes.tick_params(color="0.6", labelsize=9)
    axes.tick_params(which="minor", color="0.8")
    if grid:
        axes.grid(color="0.9", linewidth=0.8)
        axes.set_axisbelow(True)
    return figure, axes
