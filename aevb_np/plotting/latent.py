"""The latent space: what is drawn all over it (Figure 4), where the data lie in it, which dimensions are used.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aevb_np.plotting.image_grids import grey_values, mosaic, show
from aevb_np.plotting.style import CLASS_COLORS, COLORS, GAP, styled_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure



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
    figure, axes = show(mosaic(grey_values(x, invert), image_shape, n), n, title, left=0.55, below=0.5)

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
    figure, axes = styled_figure(title, 5.6, 5.0)
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
    counted = f"{active.sum()} of {J} latent dimensions are active, {kl.sum():.1f} nats in all"
    figure, axes = styled_figure(above + counted)
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
