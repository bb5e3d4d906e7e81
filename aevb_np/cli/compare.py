"""Compare runs: their curves in one picture, the gaps between their bounds, the settings that differ."""

import argparse
from pathlib import Path
from typing import Any

from aevb_np.cli.arguments import add_place

REPEATS = 10


def add(parser: argparse.ArgumentParser) -> None:
    """The flags of `aevb compare`."""
    parser.add_argument("run_paths", metavar="RUN", nargs="+", help="two runs or more")
    add_place(parser)
    parser.add_argument(
        "--out", type=Path, default=Path("compare.png"), help="the picture: png, pdf or svg (compare.png)"
    )


def run(args: argparse.Namespace) -> int:
    """Evaluate all on their test images, draw, print."""
    from threadpoolctl import threadpool_limits

    from aevb_np.runs import pictures
    from aevb_np.runs.folders import find
    from aevb_np.runs.opening import load

    if len(args.run_paths) < 2:
        raise ValueError("comparing takes two runs or more; one was named")
    if args.out.suffix not in (".png", ".pdf", ".svg"):
        raise ValueError(f"--out ends in .png, .pdf or .svg; got {args.out}")
    paths = [find(path) for path in args.run_paths]
    runs = [load(path, args.place) for path in paths]
    for path, run in zip(paths, runs):
        if not run.has_encoder:
            raise ValueError(
                f"{path} has no bound to compare: {type(run.method).__name__} has no encoder. `aevb evaluate {path} "
                f"--marginal hmc` estimates log p(x), `aevb train --freeze theta {path}` fits an encoder"
            )
    with threadpool_limits(1, "blas"):
        bounds = [sum(run.evaluate("test", repeat=r).bound_b for r in range(REPEATS)) / REPEATS for run in runs]
    print("bound on the test images, nats per image, and the gap to the first run; +- is from the choice of images,")
    print("not from the seed: train several seeds before a gap is called a difference between settings")
    for line in gaps(paths, runs, bounds):
        print(line)
    print(*differences(paths, [run.config.as_dict() for run in runs]), sep="\n")
    pictures.draw_comparison({str(path): run.history for path, run in zip(paths, runs)}, args.out)
    print(args.out)
    return 0


def gaps(paths: list[Path], runs: list[Any], bounds: list[Any]):
    """Two lines for each run: its bound and the gap to the first one, image by image if they are the same; its data."""
    from aevb_np.evaluation import mean_and_error

    width = max(len(str(path)) for path in paths)
    first, first_run = bounds[0], runs[0]
    for path, run, bound in zip(paths, runs, bounds):
        mean, error = mean_and_error(bound)
        line = f"{path!s:{width}}  {run.samples:>12,} samples  {mean:9.2f} +- {error:.2f}"
        line += "   parameters chosen on these images" if run.chosen_on_test else ""
        if run is not first_run and same_images(first_run, run):
            gap, gap_error = mean_and_error(bound - first)
            line += f"   gap {gap:+.2f} +- {gap_error:.2f} (the same images)"
        elif run is not first_run:
            line += "   no gap: other images, scaling, binarisation or decoder"
        yield line
        yield f"{'':{width}}  {run.config.description}"


def same_images(one: Any, other: Any) -> bool:
    """Whether two runs are evaluated on the same x with the same kind of density."""
    import numpy as np

    a, b = one.config, other.config
    same = (a.divisor, a.binarize, a.decoder, a.image_shape) == (b.divisor, b.binarize, b.decoder, b.image_shape)
    return same and np.array_equal(one.data.x_test, other.data.x_test)


def differences(paths: list[Path], settings: list[dict[str, Any]]):
    """A table of the settings in which the runs differ."""
    keys = [
        key
        for key in settings[0]
        if key not in ("description", "digest") and len({str(s.get(key)) for s in settings}) > 1
    ]
    if not keys:
        yield "their settings are the same"
        return
    yield "settings that differ"
    rows = [["", *(str(path) for path in paths)]]
    rows += [[key, *(str(s.get(key)) for s in settings)] for key in keys]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  " + "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths)).rstrip()
