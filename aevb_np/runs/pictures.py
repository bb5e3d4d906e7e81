"""The pictures of a run: its curve, samples, reconstructions, and the latent space."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from aevb_np import plotting
from aevb_np._atomic import replacing
from aevb_np.evaluation import Row
from aevb_np.runs.run import Run
from aevb_np.streams import stream

SAMPLES = 100  # 10 x 10 tiles, as in Figure 5
PAIRS = 10
DOTS_PER_INCH = {"png": 120, "pdf": 200, "svg": 200}  # in vector formats it is that of the images inside


def draw(run: Run, folder: Path, format: str = "png") -> list[Path]:
    """Draw and write all pictures that this run can have; their paths.

    Raises
    ------
    OSError
        If one cannot be written.
    """
    with threadpool_limits(run.config.threads, "blas"):
        figures = drawn(run)
    paths = [folder / f"{kind}.{format}" for kind in figures]
    for path, figure in zip(paths, figures.values()):
        write(figure, path, format)
    return paths


def drawn(run: Run) -> dict[str, Any]:
    """The figures by their names."""
    name = f"{run.config.data_name}, J = {run.model.J}, {run.samples:,} samples"
    shape, test = run.config.image_shape, run.data.x_test
    ink = test.mean() / run.data.divisor < 1 / 3  # bright on a dark ground: shown black on white, as in the paper
    figures = {}
    if run.history:
        figures["curve"] = curve(run, name)
    figures["samples"] = plotting.images(run.sample(SAMPLES), shape, invert=ink, title=f"z from the prior: {name}")
    if run.model.J == 2:
        figures["manifold"] = plotting.manifold(run.decode, shape, n=20 if ink else 10, invert=ink, title=name)
    return {**figures, **(of_the_encoder(run, name, shape, ink) if run.has_encoder else {})}


def curve(run: Run, name: str) -> Any:
    """The history: the bound, or log p(x, z) where there is none."""
    kind = run.method.row_kind
    lines = {label: [getattr(row, column) for row in run.history] for label, column in kind.lines.items()}
    return plotting.curve([row.samples for row in run.history], lines, title=name, ylabel=kind.measures)


def of_the_encoder(run: Run, name: str, shape: tuple[int, int], ink: bool) -> dict[str, Any]:
    """The figures that show images to the encoder."""
    test, figures = run.data.x_test, {}
    some = run.data.scale(test[:PAIRS], stream("data", 0), np.float32)
    figures["reconstructions"] = plotting.reconstructions(some, run.reconstruct(some), shape, invert=ink, title=name)
    if run.model.J == 2:
        mu, _ = run.encode(run.data.scale(test, stream("data", 0), np.float32))
        for suffix, colours in causes(run).items():
            figures["latent" + suffix] = plotting.scatter(mu, title=f"means of q(z|x): {name}", **colours)
    else:
        figures["latent-kl"] = plotting.latent_kl(run.evaluate("test").kl.mean(axis=0), title=name)
    return figures


def left_out(run: Run) -> Iterator[str]:
    """A line on the pictures that this run cannot have, if there are any."""
    if not run.has_encoder:
        name = type(run.method).__name__
        yield f"reconstructions and the latent space of the data are left out: {name} has no encoder"


def causes(run: Run) -> dict[str, dict[str, Any]]:
    """What the points of the latent scatter are coloured by: labels if there are any, else each known factor."""
    data = run.data
    if data.labels_test is not None:
        return {"": {"labels": data.labels_test}}
    if data.factors_test is not None:
        suffixes = [""] if len(data.factor_names) == 1 else [f"-{name}" for name in data.factor_names]
        return {
            suffix: {"values": values, "value_name": name}
            for suffix, name, values in zip(suffixes, data.factor_names, data.factors_test.T)
        }
    return {"": {}}


def draw_comparison(histories: dict[str, list[Row]], path: Path) -> None:
    """The curves of several runs in one picture."""
    curves = {
        name.replace("$", r"\$"): (
            [r.samples for r in rows],
            [r.train_bound for r in rows],
            [r.test_bound for r in rows],
        )
        for name, rows in histories.items()
        if rows
    }
    write(plotting.curves(curves), path, path.suffix[1:])


def write(figure: Any, path: Path, format: str) -> None:
    """Write a figure; an older one stays until the new one is complete."""
    import matplotlib

    # PDF with TrueType fonts: many publishers take no others
    with replacing(path) as file, matplotlib.rc_context({"pdf.fonttype": 42}):
        figure.savefig(file, format=format, dpi=DOTS_PER_INCH[format])
