"""Write a page to explore the latent space of a run with: one HTML file, to be opened in a browser."""

import argparse
from pathlib import Path

from aevb_np.cli.arguments import add_run


def add(parser: argparse.ArgumentParser) -> None:
    """The flags of `aevb explore`."""
    add_run(parser)
    parser.add_argument("--out", metavar="FILE.html", type=Path, help="(explore.html beside the checkpoint)")


def run(args: argparse.Namespace) -> int:
    """Write it beside the checkpoint or where it is wanted."""
    from aevb_np.explorer import explore
    from aevb_np.runs.folders import find
    from aevb_np.runs.opening import load

    if args.out and args.out.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"the page is an HTML file, such as explore.html; got --out {args.out}")
    path = find(args.run_path)
    out = args.out or (path if path.is_dir() else path.parent) / "explore.html"
    run = load(path, args.place)
    explorer = explore(run)
    explorer.save(out)
    none = f"no data points: {type(run.method).__name__} has no encoder"
    points = f"{explorer.points} test images" if explorer.points else none
    print(f"{out}: {out.stat().st_size / 1000:.0f} KB, {points}. Open it in a browser")
    return 0
