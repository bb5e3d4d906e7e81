"""Draw the pictures of a run again, as png, pdf or svg."""

import argparse

from aevb_np.cli.arguments import add_run


def add(parser: argparse.ArgumentParser) -> None:
    """The flags of `aevb draw`."""
    add_run(parser)
    parser.add_argument("--format", choices=("png", "pdf", "svg"), default="png", help="(png)")


def run(args: argparse.Namespace) -> int:
    """Draw them beside the checkpoint."""
    from aevb_np.runs import pictures
    from aevb_np.runs.folders import find
    from aevb_np.runs.opening import load

    path = find(args.run_path)
    run = load(path, args.place)
    for picture in pictures.draw(run, path if path.is_dir() else path.parent, args.format):
        print(picture)
    for line in pictures.left_out(run):
        print(line)
    return 0
