"""A ledger of choices: what each thing that the paper leaves open is worth, in nats, mostly at 1e6 samples.

Every choice is made otherwise once, all others as they were, for three seeds. Where the choice changes the data, two
bounds of different data are compared: the number says how far apart results are that differ in nothing else.
"""

import dataclasses
import math
import statistics
from dataclasses import dataclass

from aevb_np.experiments.curve import Curve, Pairs, at_a_row
from aevb_np.experiments.lines import Line
from aevb_np.experiments.plan import Budget
from aevb_np.experiments.recipe import Made, OpenRun, by_stem, line_at, markdown, with_chosen_step

NAME, SEEDS = "ledger", 3
MAY_DIVERGE, BUDGET = True, "full"
QUICK, HOUR = 63_000, 1_000_000


@dataclass(frozen=True)
class Choice:
    """Something the paper leaves open, and one way to choose otherwise.

    Attributes
    ----------
    about, ours, otherwise : str
        In words.
    variant : str
        In the name of the curve.
    settings, source, start
        As in `Curve`.
    """

    about: str
    ours: str
    otherwise: str
    variant: str
    settings: Pairs = ()
    source: Pairs = ()
    start: float = 1.0


PIXELS = ("pixels", "real-valued, in [0, 1]")
WARM_UP = ("Adagrad's warm-up", "100 gradients")
START = ("N(0, 0.01) at the start", "0.01 is the standard deviation")
PRIOR = ("prior N(0, I)", "on all parameters")
BATCHES = ("minibatches", "a permutation for every epoch")
STEPS = tuple(
    Choice("step size", "by the paper's rule", f"{step:g}", f"step{step:g}", settings=(("step", step),))
    for step in (0.01, 0.02, 0.1)
)
MNIST = (
    Choice(*PIXELS, "drawn afresh for every minibatch", "dynamic", source=(("binarize", "dynamic"),)),
    Choice(*PIXELS, "drawn once", "static", source=(("binarize", "static"),)),
    Choice(*PIXELS, "1 from one half on", "threshold", source=(("binarize", "threshold"),)),
    Choice("scale", "x = pixel / 255", "/ 256", "by256", source=(("divisor", 256),)),
    Choice("training images", "the first 50,000", "60,000", "train60000", source=(("n_train", 60_000),)),
    *STEPS,
    Choice(*WARM_UP, "none", "cold", settings=(("warmup", 0),)),
    Choice(*START, "the variance", "std0.1", start=10.0),
    Choice(*PRIOR, "on the weights, not the biases", "weights", settings=(("prior", "weights"),)),
    Choice(*PRIOR, "none", "noprior", settings=(("prior", "none"),)),
    Choice(*BATCHES, "drawn with replacement", "replacement", settings=(("sampling", "replacement"),)),
    Choice("estimator", "B, eq. (7)", "A, eq. (6)", "A", settings=(("estimator", "A"),)),
)
FREY = (
    Choice("scale", "x = pixel / 256", "/ 255", "by255", source=(("divisor", 255),)),
    Choice("split", "1,600 frames at random", "the first 1,600 of the film", "film", source=(("split", "sequential"),)),
    *STEPS,
    Choice(*WARM_UP, "none", "cold", settings=(("warmup", 0),)),
    Choice(*START, "the variance", "std0.1", start=10.0),
)


@dataclass(frozen=True)
class Panel:
    """Where choices are tried, and how far a curve goes there."""

    data: str
    latent: int
    choices: tuple[Choice, ...]
    full: int


PANELS = (
    Panel("mnist", 20, MNIST, full=1_000_000),
    Panel("frey", 10, FREY, full=1_000_000),
    Panel("mnist", 3, STEPS[1:2], full=10_000_000),  # where the rule's choice falls behind, but late
)


def curves(budget: Budget, seeds: int) -> list[Curve]:
    """Our choices, and each of the others."""
    made = []
    for panel in PANELS:
        length = at_a_row(budget.samples or {"quick": QUICK, "hour": HOUR, "full": panel.full}[budget.name])
        for seed in range(seeds):
            base = with_chosen_step(Curve(panel.data, "aevb", panel.latent, length, seed))
            made.append(base)
            chosen = f"{dict(base.settings)['step']:g}"
            made += [otherwise(base, one) for one in panel.choices if one not in STEPS or one.otherwise != chosen]
    return made


def otherwise(base: Curve, choice: Choice) -> Curve:
    """The curve with this choice made otherwise."""
    settings = {**dict(base.settings), **dict(choice.settings)}
    return dataclasses.replace(
        base, variant=choice.variant, settings=tuple(settings.items()), source=choice.source, start=choice.start
    )


def make(lines: list[Line], open_run: OpenRun, note: str) -> Made:
    """choices.md."""
    parts = [
        "# What the paper leaves open, and what it is worth\n",
        "The test bound with one choice made otherwise, less the test bound with all choices as ours, in nats per "
        "image; mean over the seeds +- its standard error from their spread. `aevb figure ledger` makes this again.\n",
        *([note + "\n"] if note else []),
    ]
    for data, J in dict.fromkeys((line.data, line.n_z) for line in lines):
        parts.append(section([line for line in lines if (line.data, line.n_z) == (data, J)]))
    return Made(texts={"choices.md": "\n".join(parts)})


def section(lines: list[Line]) -> str:
    """The table of one panel."""
    first = lines[0]
    groups = by_stem(lines)
    name = f"{first.data}-{first.method}-{first.n_z}"
    if name not in groups:
        return f"## {first.data}\n\nThere is no curve {name} here to compare with.\n"
    length = max(line.samples for seed in groups[name] for line in seed)
    choices = FREY if first.data in ("frey", "faces") else MNIST
    ours = bounds(groups[name], length)
    rows = []
    for choice in choices:
        group = groups.get(f"{name}-{choice.variant}")
        if group is not None and f"adagrad {choice.otherwise};" not in first.settings:  # or it is no other choice
            theirs = bounds(group, length)
            rows.append([choice.about, choice.ours, choice.otherwise, cost(ours, theirs), f"{len(theirs)}"])
    lag = [row.train_running - row.train_bound for group in groups[name] if (row := line_at(group, length))]
    rows.append(["training bound", "at the row's parameters", "running mean of minibatches", pm(lag), f"{len(lag)}"])
    where = f"{first.data}, N_z = {first.n_z}, AEVB, {length:,} samples"
    head = f"## {where}: ours {pm(ours, sign='')}\n\n{groups[name][0][0].settings}\n\n"
    return head + markdown(["open", "ours", "otherwise", "nats", "seeds"], rows)


def bounds(group: list[list[Line]], length: int) -> list[float]:
    """The test bounds of the seeds that got so far."""
    return [line.test_bound for rows in group if (line := line_at(rows, length))]


def cost(ours: list[float], theirs: list[float]) -> str:
    """The difference of the means, with its standard error."""
    if not theirs:
        return "diverged"
    error = math.hypot(standard_error(ours), standard_error(theirs))
    return f"{statistics.fmean(theirs) - statistics.fmean(ours):+.2f}" + plus_minus(error)


def pm(values: list[float], sign: str = "+") -> str:
    """Their mean with its standard error."""
    return f"{statistics.fmean(values):{sign}.2f}" + plus_minus(standard_error(values)) if values else "none"


def plus_minus(error: float) -> str:
    """Nothing where one seed has no spread."""
    return "" if math.isnan(error) else f" +- {error:.2f}"


def standard_error(values: list[float]) -> float:
    """Of the mean of a few seeds."""
    return statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else math.nan
