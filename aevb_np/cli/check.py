"""Check a hand-written VAE: are its gradients and its bound right, and if not, what is wrong?"""

import argparse
import ast
from pathlib import Path

import aevb_np
from aevb_np.cli.arguments import whole

PAGE = Path(aevb_np.__file__).parent / "checks" / "__init__.py"


def add(parser: argparse.ArgumentParser) -> None:
    """The flags of `aevb check`; the page about the file is that of the kit, read without importing the kit."""
    page = ast.get_docstring(ast.parse(PAGE.read_text(encoding="utf-8"))) or ""
    parser.epilog = page.partition("\n\n")[2]
    parser.add_argument("file", metavar="FILE.py", help="defines value, gradients and parameters, as below")
    parser.add_argument(
        "--explain",
        type=int,
        choices=(0, 1, 2),
        default=0,
        help="0: where the first fault is, 1: its kind, 2: its name",
    )
    parser.add_argument("--json", action="store_true", help="everything, for programs")
    text = "how long the check may take (60); a slow file needs more"
    parser.add_argument("--seconds", type=whole, default=60, help=text)


def run(args: argparse.Namespace) -> int:
    """Check the file, print the report; 0 if nothing is wrong and the gradients were judged, else 1."""
    from aevb_np.checks.sandbox import check_file, plain

    try:
        report = check_file(args.file, args.seconds, args.explain)
    except FileNotFoundError as error:
        raise ValueError(f"{error.filename}: there is no such file") from None
    print(report.json() if args.json else "\n".join(map(plain, report.text().split("\n"))))
    return 0 if report.passes else 1
