"""Say what bound to expect: from the paper's curves, and from ours; and what a number from elsewhere means.

`aevb expect mnist --latent 20 --samples 1e6 --got 0.133` finds out by itself that 0.133 is a loss per pixel.
"""

import argparse
import statistics
from collections.abc import Iterator
from typing import Any

from aevb_np.cli.arguments import whole

PIXELS = {"mnist": 784, "frey": 560}


def add(parser: argparse.ArgumentParser) -> None:
    """The flags of `aevb expect`."""
    parser.add_argument("data", metavar="DATA", choices=tuple(PIXELS), help="mnist or frey")
    parser.add_argument("--latent", type=whole, metavar="J", required=True, help="latent dimensions, N_z")
    parser.add_argument("--samples", type=whole, metavar="S", required=True, help="training samples seen, such as 1e6")
    parser.add_argument("--method", choices=("aevb", "wake-sleep"), default="aevb", help="(aevb)")
    parser.add_argument("--got", type=float, metavar="X", help="a number from elsewhere: what is it in nats per image?")
    parser.add_argument(
        "--unit",
        choices=("auto", "nats", "nats-per-pixel", "bits", "bits-per-pixel", "batch-sum"),
        default="auto",
        help="what it is in (auto: whatever makes sense of it)",
    )
    parser.add_argument("--minibatch", type=whole, metavar="M", help="what a batch-sum was summed over")


def run(args: argparse.Namespace) -> int:
    """Look up, interpolate, print."""
    from aevb_np.experiments import expectation

    for name in ("samples", "minibatch"):
        if (number := getattr(args, name)) is not None and number < 1:
            raise ValueError(f"--{name} is 1 or more; got {number}")
    table = expectation.our_curves()
    where = args.data, args.latent, args.method, args.samples
    test, train = (expectation.expected(*where, split, table) for split in ("test", "train"))
    print(f"{args.data}, {args.latent} latent dimensions, {args.method}, after {args.samples:,} samples")
    for line in columns(("bound, nats per image", ["test", "train (running mean)"]), *rows(args.data, test, train)):
        print(line)
    for line in missing(test):
        print(line)
    if test.settings:
        print(f"our settings: {test.settings}")
    for recipe in expectation.common_recipes() if args.data == "mnist" else ():
        if recipe.n_z == args.latent:
            print(
                f"{recipe.name} after {recipe.samples:,} samples: {recipe.test:.1f} test, {recipe.train:.1f} train"
            )
    if args.got is not None:
        for line in read(args, test):
            print(line)
    return 0


def rows(data: str, test: Any, train: Any) -> Iterator[tuple[str, list[str]]]:
    """The paper's values and ours."""
    from aevb_np.experiments.paper import ERROR

    theirs = ["no curve there" if one.paper is None else f"{one.paper:.1f} +- {ERROR[data]:g}" for one in (test, train)]
    yield "paper, Figure 2, read off", theirs
    if test.ours:
        yield (
            f"ours, {len(test.ours)} seed{'s' if len(test.ours) > 1 else ''}",
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


def read(args: argparse.Namespace, test: Any) -> Iterator[str]:
    """What the number means, and how far it is from what is known."""
    from aevb_np.experiments.expectation import PLAUSIBLE, readings

    guess = sum(PLAUSIBLE[args.data]) / 2 if test.value is None else test.value
    best, *others = readings(args.got, args.unit, args.data, PIXELS[args.data], guess, args.minibatch)
    assumed = f", taken for {', '.join(best.assumed)}" if best.assumed else ""
    yield f"{args.got:g}{assumed}: a bound of {best.nats:.2f} nats per image"
    gaps = [] if test.paper is None else [f"{best.nats - test.paper:+.1f} from the paper's"]
    if test.ours:
        gaps.append(f"{best.nats - statistics.median(test.ours):+.1f} from ours")
    if gaps:
        yield f"as a test bound that is {' and '.join(gaps)}"
        if far(best.nats, args.data, test):
            yield "further off than these from one another; what other pixels or steps are worth: results/choices.md"
    if others:
        shown = "; ".join(f"{other.nats:.1f} as {', '.join(other.assumed) or 'nats per image'}" for other in others[:3])
        yield f"it could also be {shown}; --unit says which"


def far(nats: float, data: str, test: Any) -> bool:
    """Whether a bound lies further from the paper's and ours than they lie from one another."""
    from aevb_np.experiments.paper import ERROR

    known = [*test.ours, *([] if test.paper is None else [test.paper])]
    room = max(max(known) - min(known), ERROR[data])
    return not min(known) - room <= nats <= max(known) + room
