"""Grade a folder of exercises: every notebook and Python file in it, each in a process of its own.

A folder inside is a student; a file that lies in no folder is a student by itself. ex06_anything.ipynb answers E6; a
file of another name answers what it calls check("E6", ...) for. grades.csv has a line for every exercise, and
STUDENT/results.json is what Gradescope reads.

Submissions are run on copies, with limits of time and memory, but this is no sandbox: what they do, they do as you.
Code that you do not trust belongs in a container without a network: docker run --network none ...
"""

import argparse
from pathlib import Path

from aevb_np.cli.arguments import whole


def add(parser: argparse.ArgumentParser) -> None:
    """The flags of `aevb grade`."""
    parser.add_argument("folder", metavar="FOLDER", help="of submissions")
    parser.add_argument("--out", type=Path, metavar="DIR", default=Path("grades"), help="for the tables (grades)")
    parser.add_argument("--seed", type=whole, default=0, help="other numbers and other sizes (0)")
    parser.add_argument("--seconds", type=whole, default=20, help="that one file may take (20)")
    parser.add_argument("--memory", type=whole, metavar="MB", default=2048, help="that one file may use (2048)")


def run(args: argparse.Namespace) -> int:
    """Grade, print a line for each exercise as it comes, write the tables."""
    from aevb_np.exercises.grade import grade, write

    if args.seconds < 1 or args.memory < 256:
        raise ValueError("--seconds is 1 or more and --memory 256 or more: Python and NumPy need as much to start")
    print("no sandbox: run code that you do not trust in a container without a network")
    print(f"{'student':20} {'exercise':8}  {'state':30}  first fault")
    grades = []
    for one in grade(args.folder, args.seconds, args.memory, args.seed):
        grades.append(one)
        print(f"{one.student:20} {one.exercise:8}  {one.state:30}  {one.fault}", flush=True)
    for path in write(args.out, grades):
        print(path)
    return 0
