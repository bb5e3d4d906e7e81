"""Grade a folder of exercises: every notebook and Python file in it, each in a process of its own.

A folder inside is a student; a file or a zip that lies in no folder is a student by itself. Names as Canvas and Moodle
write them are understood. ex06_anything.ipynb answers E6; a file of another name answers what it calls check("E6", ...)
for; of several versions the newest counts. A point for every check that is passed, at the sizes of two seeds.

In DIR are grades.csv with a line for every exercise, a folder for every student with feedback.md, feedback.html and
results.json (Gradescope's), similarity.csv (who wrote the same), and grades.json, from which a run that was stopped
goes on: the same command again. Name one student's folder to grade it alone again.

A roster is a CSV file with the columns id and name, a file of weights one with exercise, check and points: E5,3,2 makes
the third check of E5 worth two points, E5,,10 makes all of them worth ten together.

The checks run in this process and see only the numbers that a submission's functions give, so it cannot write its own
result. What it does besides, it does as you: where the system has no namespaces for it, it can read, send and delete
what you can, and end this program. `--container` prints the line for code that you do not trust.
"""

import argparse
import os
import shlex
import sys
from pathlib import Path

from aevb_np.cli.arguments import whole


def add(parser: argparse.ArgumentParser) -> None:
    """The flags of `aevb grade`."""
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="of submissions")
    parser.add_argument("--out", type=Path, metavar="DIR", default=Path("grades"), help="for the tables (grades)")
    parser.add_argument("--seed", type=whole, default=0, help="other numbers and other sizes (0)")
    parser.add_argument("--seconds", type=whole, default=20, help="that one file may take (20)")
    parser.add_argument("--memory", type=whole, metavar="MB", default=2048, help="that one file may use (2048)")
    parser.add_argument("--jobs", type=whole, help="files at a time (as many as there are cores)")
    parser.add_argument("--explain", type=int, choices=(0, 1, 2), default=0,
                        help="what pages tell of a fault: 0 where it is, 1 its kind, 2 its name (0)")  # fmt: skip
    parser.add_argument("--roster", type=Path, metavar="FILE.csv", help="id and name of everybody in the class")
    parser.add_argument("--weights", type=Path, metavar="FILE.csv", help="exercise, check and points")
    parser.add_argument("--due", metavar="'YYYY-MM-DD HH:MM'", help="what comes later is marked as late")
    parser.add_argument("--container", action="store_true", help="print the line that grades in a container, and stop")


def run(args: argparse.Namespace) -> int:
    """Grade, print a line for each exercise as it comes; the tables are written all the time."""
    from aevb_np.grading.course import cores, grade, opened
    from aevb_np.grading.roster import Roster, Weights, moment
    from aevb_np.grading.running import Limits
    from aevb_np.grading.table import GRADES, Wishes

    if args.seconds < 1 or args.memory < 256:
        raise ValueError("--seconds is 1 or more and --memory 256 or more: Python and NumPy need as much to start")
    if args.jobs is not None and args.jobs < 1:
        raise ValueError(f"--jobs is 1 or more; got {args.jobs}")
    if args.container:
        print(container(args))
        return 0
    wishes = Wishes(Roster.read(args.roster) if args.roster else Roster(),
                    Weights.read(args.weights) if args.weights else Weights(),
                    moment(args.due) if args.due else None, args.explain)  # fmt: skip
    limits = Limits(args.seconds, args.memory, args.seed)
    table, which = opened(args.folder, args.out, limits, wishes)
    before = len(table.work) - len(which)
    print("code that you do not trust belongs in a container: --container prints the line")
    if before:
        print(f"{before} of {len(table.work)} files are as they were graded before")
    print(f"{'student':20} {'exercise':8}  {'state':30}  first fault")
    graded = 0
    try:
        for _, rows in grade(table, which, limits, args.jobs or cores()):
            graded += 1
            for row in rows:
                print(f"{row.student:20} {row.exercise:8}  {row.state:30}  {row.fault}", flush=True)
    except KeyboardInterrupt:
        left = len(which) - graded
        print(f"aevb: interrupted: {len(table.all_rows())} rows are in {args.out / GRADES}, {left} files are missing; "
              "the same command goes on", file=sys.stderr)  # fmt: skip
        return 130
    except BrokenPipeError:  # whoever reads has read enough
        raise
    except OSError as error:
        text = f"{error}; {graded} of {len(which)} files were graded: make room, and the same command goes on"
        raise OSError(text) from None
    for number, name in wishes.roster.missing(table.all_rows()):
        print(f"{name or number:20} {'':8}  nothing handed in")
    print(args.out / GRADES)
    return 0


def container(args: argparse.Namespace) -> str:
    """The line for code that is not trusted: no network, nothing to write to but the tables, little memory."""
    import aevb_np

    root, folder, out = Path(aevb_np.__file__).parent.parent.resolve(), args.folder.resolve(), args.out.resolve()
    own = ["--seed", args.seed, "--seconds", args.seconds, "--memory", args.memory, "--explain", args.explain]
    own += ["--due", args.due] if args.due else []
    mounts = ["-v", f"{root}/aevb_np:/package/aevb_np:ro", "-v", f"{folder}:/class:ro", "-v", f"{out}:/grades"]
    for flag in ("roster", "weights"):
        if path := getattr(args, flag):
            mounts += ["-v", f"{path.resolve()}:/{flag}.csv:ro"]
            own += [f"--{flag}", f"/{flag}.csv"]
    who = ["--user", f"{os.getuid()}:{os.getgid()}"] if hasattr(os, "getuid") else []
    limits = ["--network=none", "--read-only", "--tmpfs", "/tmp:size=1g", f"--memory={4 * args.memory}m", "--cpus=2",
              "--pids-limit=256", "--cap-drop=ALL", "--security-opt=no-new-privileges", *who]  # fmt: skip
    command = ["timeout", "2h", "python", "-m", "aevb_np", "grade", "/class", "--out", "/grades", *own]
    line = ["run", "--rm", *limits, *mounts, "-e", "PYTHONPATH=/package", "-w", "/tmp", "IMAGE", *command]
    words = " ".join(shlex.quote(str(word)) for word in line)
    return f"""mkdir -p {shlex.quote(str(out))}
podman {words}
(IMAGE is one with Python, numpy, scipy, matplotlib, tqdm, pooch and threadpoolctl; docker takes the same line)"""
