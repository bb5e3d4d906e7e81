"""Walk about in what was learnt: one HTML page that holds the decoder and needs nothing else. Section 5, Figure 4.

    from aevb_np.explorer import explore
    explore(run)                       # in a notebook
    explore(run).save("explore.html")  # for a browser, from disk or from any site

No server stands behind the page and it fetches no address. Its script is the decoder's forward pass, eq. (11) or
(12), on the weights of `packing`; view the page's source to read it.
"""

import base64
import hashlib
import html
import json
import os
from dataclasses import dataclass
from importlib.resources import files
from string import Template
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from aevb_np import plotting
from aevb_np._atomic import replacing
from aevb_np.distributions import gaussian_kl
from aevb_np.explorer.packing import png, rounded, smallest
from aevb_np.runs import pictures
from aevb_np.runs.config import units
from aevb_np.runs.run import Run
from aevb_np.streams import stream

POINTS = 500  # test images, each with its encoding
FEWEST = 50  # of them that are kept even if the page grows beyond SIZE
SIZE = 690_000  # bytes: a page of 784-500-2 stays below 700 KB
TYPICAL = 1.3  # standard deviations: with many dimensions the corners of the box are far from anything
STILL = 10  # tiles in a row of the still picture
# The same hues as plotting.CLASS_COLORS, bright enough for a dark page.
DARK_COLORS = (
    "#9a8cf0", "#88ccee", "#44bba8", "#3fae5f", "#b9b944", "#eedd88", "#f0858f", "#d05a86", "#d67fce", "#aaaaaa",
)  # fmt: skip
SHADES = 32  # steps of a colour bar
UNITS = ("tanh", "relu", "softplus")  # hidden units that page.js knows
FRAME = "border:0;position:absolute;inset:0;width:100%;height:100%"


@dataclass(frozen=True, repr=False)
class Explorer:
    """A page to explore a latent space with. A notebook shows it, and `save` writes it.

    Attributes
    ----------
    page : str
        The whole page.
    still : bytes
        A PNG for viewers that run no scripts: what the decoder draws all over the plane.
    title : str
    points : int
        Test images in the page; 0 for a run without encoder.
    """

    page: str
    still: bytes
    title: str
    points: int

    def save(self, path: str | os.PathLike) -> None:
        """Write the page; an older one stays until the new one is complete.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        with replacing(path, "w") as file:
            file.write(self.page)

    def __repr__(self) -> str:
        return f"<{self.title}: a page of {len(self.page.encode()) // 1000} KB; .save('explore.html') writes it>"

    def _repr_html_(self) -> str:
        """The page in a frame above the still picture, which is seen where a viewer takes the frame away."""
        title = html.escape(self.title)
        return (
            '<div style="position:relative;height:820px;overflow:hidden">'
            f'<img alt="{title}" src="{data_url(self.still)}">'
            f'<iframe title="{title}" sandbox="allow-scripts" style="{FRAME}" srcdoc="{html.escape(self.page)}">'
            "</iframe></div>"
        )

    def _repr_png_(self) -> bytes:
        """The still picture, for viewers that take no HTML at all and for print."""
        return self.still


def explore(run: Run, points: int = POINTS) -> Explorer:
    """A page to explore the latent space of a run with.

    Parameters
    ----------
    run : Run
        With any number of latent dimensions. MCEM trains no encoder: its page has no data points.
    points : int
        Test images in the page. There are fewer if the page would grow too large (`SIZE`).

    Returns
    -------
    Explorer

    Raises
    ------
    ValueError
        If points is below 1.
    """
    if points < 1:
        raise ValueError(f"the page shows 1 test image or more; got points = {points}")
    with threadpool_limits(run.config.threads, "blas"):
        x, mu, log_var = encoded(run, points)
        axes, kl = shown_dimensions(run, mu, log_var)
        radius = max(3.0, float(np.ceil(2.1 * np.abs(mu).max(initial=0)) / 2))  # a little more than the farthest point
        z = stream("dreams", 0).standard_normal((6000, run.model.J))
        z *= radius / 2 if run.model.J <= 2 else TYPICAL
        content = {
            "J": run.model.J,
            "imageShape": run.config.image_shape,
            "ink": ink(run),
            "radius": radius,
            "axes": axes,
            "kl": kl,
            "tiles": 20 if ink(run) else 10,
            "decoder": decoder(run, z),
        }
        picture = still(run, axes)
    title = f"The latent space of {run.config.data_name}"
    text = {"title": title, "about": about(run), "still": data_url(picture)}
    room = SIZE - len(page({**content, "points": None}, text))
    data = embedded(run, x, mu, log_var)
    while (size := len(json.dumps(data))) > room and len(x) > FEWEST:
        fewer = max(FEWEST, int(0.97 * len(x) * room / size))
        x, mu, log_var = x[:fewer], mu[:fewer], log_var[:fewer]
        data = embedded(run, x, mu, log_var)
    return Explorer(page({**content, "points": data}, text), picture, title, len(x))


def page(content: dict[str, Any], text: dict[str, str]) -> str:
    """The page's parts put together; only this style and this script may work in it, and nothing may be fetched."""
    folder = files("aevb_np.explorer")
    frame, style, script = (folder.joinpath(f"page.{kind}").read_text("utf-8") for kind in ("html", "css", "js"))
    return Template(frame).substitute(
        {name: html.escape(value) for name, value in text.items()},
        style=style,
        script=script,
        policy=f"default-src 'none'; img-src data:; style-src {digest(style)}; script-src {digest(script)}; "
        "base-uri 'none'; form-action 'none'",
        content=json.dumps(content, separators=(",", ":")).replace("<", "\\u003c"),  # a name may hold </script>
    )


def digest(source: str) -> str:
    """What a content security policy calls a style or a script by."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"


def data_url(picture: bytes) -> str:
    """A PNG as an address that holds it."""
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}"


def about(run: Run) -> str:
    """The model and its training in one line."""
    c = run.config
    sizes = f"{run.model.D}-{c.hidden}-{c.latent}, {c.decoder.capitalize()} decoder{units(c)}"
    return f"{sizes}, {run.method.title}, {run.samples:,} training samples seen"


def ink(run: Run) -> bool:
    """Whether the data are bright on a dark ground: shown black on white by day, as in the other pictures."""
    return bool(run.data.x_test.mean() / run.data.divisor < 1 / 3)


# ---------------------------------------------------------------------------------------------------------- the model


def decoder(run: Run, z: NDArray) -> dict[str, Any]:
    """The layers of E[x|z] as text; the second one rounded so that it hardly matters at such z.

    The first layer is small and gets 16 bits. The second gets 8, and 16 where the images would suffer.
    """
    theta, network = run.p.theta, run.model.decoder
    if network.unit not in UNITS:
        raise ValueError(f"the page can draw {', '.join(UNITS)} units; this run's are {network.unit}")
    output, sigmoid = network.mean_head(theta)
    hidden = rounded(theta.hidden.W, 16)
    h, _ = network.activation(z @ hidden.numbers() + theta.hidden.b)
    return {
        "hidden": hidden.as_text(theta.hidden.b),
        "unit": network.unit,
        "output": smallest(output.W, output.b, h, sigmoid),
        "sigmoid": sigmoid,
    }


def shown_dimensions(run: Run, mu: NDArray, log_var: NDArray) -> tuple[list[int], list[float]]:
    """Which dimensions run down and across at first, and the KL of every one.

    Of more than two they are those that say most about the data. There is no KL without an encoder.
    """
    J = run.model.J
    kl = gaussian_kl(mu.reshape(-1, 1), log_var.reshape(-1, 1))[0].reshape(mu.shape).mean(axis=0) if len(mu) else None
    most = sorted(np.argsort(-kl, kind="stable")[:2].tolist()) if kl is not None else list(range(min(J, 2)))
    return most, [] if kl is None else [round(float(nats), 3) for nats in kl]


def still(run: Run, axes: list[int]) -> bytes:
    """What the decoder draws all over the plane of two dimensions, the others at 0; along the line if there is one."""
    grid = plotting.manifold_grid(STILL)
    if len(axes) == 1:
        grid = grid[:STILL, 1:]
    z = np.zeros((len(grid), run.model.J))
    z[:, axes] = grid
    x = run.decode(z)
    pixels = grey(1 - x if ink(run) else x) // 16 * 17  # sixteen levels are enough here, and half the bytes
    return png(sheet(pixels, run.config.image_shape, STILL))


# ----------------------------------------------------------------------------------------------------------- the data


def encoded(run: Run, n: int) -> tuple[NDArray, NDArray, NDArray]:
    """The first n test images as the model sees them, and mean and log-variance of their q(z|x); none for MCEM."""
    if not run.has_encoder:
        return np.empty((0, run.model.D)), np.empty((0, run.model.J)), np.empty((0, run.model.J))
    x = run.data.scale(run.data.x_test[:n], stream("data", 0), np.float32)
    return x, *run.encode(x)


def embedded(run: Run, x: NDArray, mu: NDArray, log_var: NDArray) -> dict[str, Any] | None:
    """The data points as the page holds them: all images in one PNG, and their encodings."""
    if not len(x):
        return None
    columns = int(np.ceil(len(x) ** 0.5))
    return {
        "images": base64.b64encode(png(sheet(grey(x), run.config.image_shape, columns))).decode(),
        "columns": columns,
        "mu": rounded(mu, 16).as_text(),
        "logVar": rounded(log_var, 16).as_text(),
        "colours": [colours(suffix.lstrip("-"), len(x), **cause) for suffix, cause in pictures.causes(run).items()],
    }


def colours(
    suffix: str, n: int, labels: NDArray | None = None, values: NDArray | None = None, value_name: str = ""
) -> dict[str, Any]:
    """One way to colour the points: a palette for day and night, and the number in it of every point."""
    if values is not None:
        low, high = float(values.min()), float(values.max())
        number = ((values[:n] - low) / ((high - low) or 1) * (SHADES - 1)).round().astype(int)
        palette = shades()
        return {"name": value_name, "ends": [low, high], "light": palette, "dark": palette, "of": number.tolist()}
    names, number = np.unique(labels, return_inverse=True) if labels is not None else (np.array([]), np.zeros(n, int))
    return {
        "name": suffix or "class",
        "classes": [str(name) for name in names],
        "light": plotting.CLASS_COLORS,
        "dark": DARK_COLORS,
        "of": number[:n].tolist(),
    }


def shades() -> list[str]:
    """A colour bar in steps, without its darkest end, which a dark page would swallow."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    return [to_hex(colour) for colour in colormaps["cividis"](np.linspace(0.12, 1, SHADES))]


def grey(x: NDArray) -> NDArray:
    """Pixels in bytes: 0 black, 255 white."""
    return np.round(255 * np.clip(x, 0, 1)).astype(np.uint8)


def sheet(pixels: NDArray, image_shape: tuple[int, int], columns: int) -> NDArray:
    """Images side by side with nothing between them, row after row; free places are black."""
    height, width = image_shape
    rows = -(-len(pixels) // columns)
    tiles = np.zeros((rows * columns, height, width), np.uint8)
    tiles[: len(pixels)] = pixels.reshape(-1, height, width)
    return tiles.reshape(rows, columns, height, width).swapaxes(1, 2).reshape(rows * height, columns * width)
