"""Show which data are here and where, or fetch them.

`aevb data --fetch all --to FOLDER` prepares a folder for a class without network; set AEVB_DATA_DIR to it there.
"""

import argparse
from pathlib import Path


def add(parser: argparse.ArgumentParser) -> None:
    """The flags of `aevb data`."""
    parser.add_argument("--fetch", choices=("all", "mnist", "frey"), help="bring these here")
    parser.add_argument("--to", type=Path, metavar="FOLDER", help="put them there (AEVB_DATA_DIR, else the cache)")


def run(args: argparse.Namespace) -> int:
    """Fetch if asked to; then show."""
    from aevb_np.data import fetch, status

    if args.to and not args.fetch:
        raise ValueError("--to says where --fetch puts files; add --fetch all, --fetch mnist or --fetch frey")
    if args.fetch:
        for path in fetch(args.fetch, args.to):
            print(path)
        return 0
    for row in status():
        size = f"{row.size / 1e6:.1f} MB" if row.size else ""
        print(f"{row.name:8}{row.where:14}{size:>8}  {row.path or ''}".rstrip())
        if row.where in ("not here", "damaged"):
            print(f"{'':8}`aevb data --fetch {row.name}` brings it")
        if row.where == "other data":
            print(f"{'':8}sound, but not {row.name}: `aevb train {row.name}` says more")
    return 0
