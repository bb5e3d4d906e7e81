"""Say what bound to expect: from the paper's curves, and from ours; and what a number from elsewhere means.

`aevb expect mnist --latent 20 --samples 1e6 --got 0.133` finds out by itself that 0.133 is a loss per pixel.
"""

import argparse
import math
import statistics
from collections.abc import Iterator
from typing import Any

from aevb_np.cli.arguments import whole

DATA = ("mnist", "frey", "digits", "faces")
UNITS = ("nats", "nats-per-pixel", "batch-sum", "divided-twice", "bits", "bits-per-pixel")
OTHERS = 4  # other readings that are shown


def add(parser: argparse.ArgumentParser) -> None:
    """The flags of `aevb expect`."""
    parser.add_argument("data", metavar="DATA", choices=DATA, help=", ".join(DATA))
    parser.add_argument("--latent", type=whole, metavar="J", required=True, help="latent dimensions, N_z")
    parser.add_argument("--samples", type=whole, metavar="S", required=True, help="training samples seen, such as 1e6")
    parser.add_argument("--method", choices=("aevb", "wake-sleep"), default="aevb", help="(aevb)")
    parser.add_argument("--got", type=float, metavar="X", help="a number from elsewhere: what is it in nats per image?")
    parser.add_argument(
        "--unit",
        choices=("auto", *UNITS),
        default="auto",
        help="what it is in; divided-twice: a mean over a batch that was divided by its size once more "
        "(auto: whatever makes sense of it, nats before bits)",
    )
    parser.add_argument("--minibatch", type=whole, metavar="M", help="what was summed or divided over")


def run(args: argparse.Namespace) -> int:
    """Look up, interpolate, print."""
    from aevb_np.experiments import expectation

    for name in ("latent", "samples", "minibatch"):
        if (number := getattr(args, name)) is not None and number < 1:
            raise ValueError(f"--{name} is 1 or more; got {number}")
    print(f"{args.data}, {args.latent} latent dimensions, {args.method}, after {args.samples:,} samples")
    table = expectation.our_curves()
    curves = expectation.nearest(args.data, args.latent, args.method)
    there = {
        n: [expectation.expected(args.data, n, args.method, args.samples, split, table) for split in ("test", "train")]
        for n in curves
    }
    told = [*heading(args, curves), *known(args, there), *recipes(args)]
    for line in told + ([] if args.got is None else [*read(args, there)]):
        print(line)
    return 0


def heading(args: argparse.Namespace, curves: list[int]) -> Iterator[str]:
    """Whose curves are shown, when they are not those that were asked for."""
    from aevb_np.experiments.landmarks import DEFAULT_RUNS

    if not curves:
        latent, samples, bound = DEFAULT_RUNS[args.data]
        yield (
            f"no curve of {args.data} is known; one run of `aevb train {args.data}`, {latent} latent dimensions, has "
            f"{bound:.1f} on the test images after {samples:,} samples"
        )
    elif curves != [args.latent]:
        have = "the nearest has" if len(curves) == 1 else "the nearest have"
        yield f"no curve has {args.latent} latent dimensions; {have} {' and '.join(map(str, curves))}"


def known(args: argparse.Namespace, there: dict[int, list[Any]]) -> Iterator[str]:
    """The paper's values, ours, and the landmarks."""
    from aevb_np.experiments.landmarks import LANDMARKS

    table = [("bound, nats per image", ["test", "train (running mean)"])]
    for n, (test, train) in there.items():
        table += rows(args.data, test, train, prefix="" if n == args.latent else f"N_z = {n}: ")
    marks = LANDMARKS[args.data]
    table.append(("a decoder that ignores z", [f"{value:.1f}" for value in marks.ignores_z]))
    table.append(("an untrained model", [f"{marks.untrained:.1f}"] * 2))
    yield from columns(*table)
    tests = [test for test, _ in there.values()]
    for line in dict.fromkeys(line for test in tests for line in missing(test)):
        yield line
    for line in dict.fromkeys(f"our settings: {test.settings}" for test in tests if test.settings):
        yield line


def recipes(args: argparse.Namespace) -> Iterator[str]:
    """What well-known examples have there."""
    from aevb_np.experiments.expectation import common_recipes

    for recipe in common_recipes() if args.data == "mnist" else ():
        if recipe.n_z == args.latent:
            yield f"{recipe.name} after {recipe.samples:,} samples: {recipe.test:.1f} test, {recipe.train:.1f} train"


def rows(data: str, test: Any, train: Any, prefix: str = "") -> Iterator[tuple[str, list[str]]]:
    """The paper's values and ours."""
    from aevb_np.experiments.paper import ERROR

    theirs = ["no curve there" if one.paper is None else f"{one.paper:.1f} +- {ERROR[data]:g}" for one in (test, train)]
    yield f"{prefix}paper, Figure 2, read off", theirs
    if test.ours:
        yield (
            f"{prefix}ours, {len(test.ours)} seed{'s' if len(test.ours) > 1 else ''}",
            [spread(one.ours) for one in (test, train)],
        )


def columns(*table: tuple[str, list[str]]) -> Iterator[str]:
    """Rows of a name and its cells, every column as wide as its widest cell and three blanks between them.

    >>> print(*columns(("bound", ["test"]), ("ours", ["-124.3 (-125.1 to -123.6)"])), sep="\\n")
    bound                        test
    ours    -124.3 (-125.1 to -123.6)
    """
    names, cells = zip(*table)
    widths = [max(map(len, column)) for column in zip(*cells)]
    for name, row in zip(names, cells):
        yield "   ".join([name.ljust(max(map(len, names))), *map(str.rjust, row, widths)])


def spread(values: tuple[float, ...]) -> str:
    """The median, and from where to where the seeds go."""
    middle = f"{statistics.median(values):.1f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.1f} to {max(values):.1f})"


def missing(test: Any) -> Iterator[str]:
    """What there is not."""
    if not test.reach:
        yield "ours: no curve comes with this version; `aevb figure 2` makes one"
    elif not test.ours:
        yield "ours: our curves go from {:,} to {:,} samples".format(*test.reach)
    elif len(test.ours) == 1:
        yield "ours is one seed; seeds differ by some nats, most of all early and for few latent dimensions"


def read(args: argparse.Namespace, there: dict[int, list[Any]]) -> Iterator[str]:
    """What the number means, how far it is from what is known, and what else it could be."""
    from aevb_np.experiments.expectation import readings
    from aevb_np.experiments.landmarks import DEFAULT_RUNS, LANDMARKS, remarks

    if not math.isfinite(args.got):
        yield (
            f"{args.got:g} is no bound: some number on the way was not finite, mostly log(0) or a step size that is "
            "too large. Look for the first step and the first array in which it appears; QUESTIONS.md, Why NaN?"
        )
        return
    tests = {n: test for n, (test, _) in there.items()}
    values = [value for pair in there.values() for one in pair for value in one.values]
    values = values or [DEFAULT_RUNS[args.data][2]]
    pixels = LANDMARKS[args.data].pixels
    best, *others = readings(args.got, args.unit, args.data, pixels, values, args.minibatch)
    assumed = f", taken for {', '.join(best.assumed)}" if best.assumed else ""
    yield f"{args.got:g}{assumed}: a bound of {best.nats:.2f} nats per image"
    if gaps := distances(args, tests, best.nats):
        yield f"as a test bound that is {gaps}"
        if far(best.nats, args.data, tests):
            yield "further off than these from one another; what other pixels or steps are worth: results/choices.md"
    yield from remarks(args.data, best.nats)
    if others:
        which = "; --unit says which" if args.unit == "auto" else ""
        yield f"it could also be {'; '.join(other_reading(args, tests, other) for other in others[:OTHERS])}{which}"


def other_reading(args: argparse.Namespace, tests: dict[int, Any], reading: Any) -> str:
    """What else a number could be, and how far that would be from what is known."""
    gaps = distances(args, tests, reading.nats)
    return f"{reading.nats:.1f} as {', '.join(reading.assumed) or 'nats per image'}" + (f" ({gaps})" if gaps else "")


def distances(args: argparse.Namespace, tests: dict[int, Any], nats: float) -> str:
    """How far a bound is from the paper's and from ours; with another N_z, that is said."""
    found = []
    for n, test in tests.items():
        where = "" if n == args.latent else f" with N_z = {n}"
        if test.paper is not None:
            found.append(f"{nats - test.paper:+.1f} from the paper's{where}")
        if test.ours:
            found.append(f"{nats - statistics.median(test.ours):+.1f} from ours{where}")
    return " and ".join(found)


def far(nats: float, data: str, tests: dict[int, Any]) -> bool:
    """Whether a bound lies further from the paper's and ours than they lie from one another."""
    from aevb_np.experiments.paper import ERROR

    known = [value for test in tests.values() for value in (test.paper, *test.ours) if value is not None]
    room = max(max(known) - min(known), ERROR[data])
    return not min(known) - room <= nats <= max(known) + room
