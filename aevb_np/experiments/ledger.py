"""A ledger of choices: what each thing that the paper leaves open is worth, in nats, mostly at 1e6 samples.

Every choice is made otherwise once, all others as they were, for three seeds. Where the choice changes the data, two
bounds of different data are compared: the number says how far apart results are that differ in nothing else.
"""

import dataclasses
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
NO_WARM_UP = Choice("Adagrad's warm-up", "100 gradients", "none", "cold", settings=(("warmup", 0),))
WIDE_START = Choice("N(0, 0.01) at the start", "0.01 is the standard deviation", "the variance", "std0.1", start=10.0)
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
    NO_WARM_UP,
    WIDE_START,
    Choice(*PRIOR, "on the weights, not the biases", "weights", settings=(("prior", "weights"),)),
    Choice(*PRIOR, "none", "noprior", settings=(("prior", "none"),)),
    Choice(*BATCHES, "drawn with replacement", "replacement", settings=(("sampling", "replacement"),)),
    Choice("estimator", "B, eq. (7)", "A, eq. (6)", "A", settings=(("estimator", "A"),)),
)
FREY = (
    Choice("scale", "x = pixel / 256", "/ 255", "by255", source=(("divisor", 255),)),
    Choice("split", "1,600 frames at random", "the first 1,600 of the film", "film", source=(("split", "sequential"),)),
    *STEPS,
    NO_WARM_UP,
    WIDE_START,
)
SLOW = (STEPS[1], NO_WARM_UP, WIDE_START)


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
    Panel("mnist", 3, SLOW, full=10_000_000),  # where ours stays behind the paper's
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
        "The test bound with one choice made otherwise, less the test bound of the same seed with all choices as ours, "
        "in nats per image; mean over the seeds +- its standard error from the spread of these differences. The last "
        "row of a table compares two training bounds of ours. `aevb figure ledger` makes this again.\n",
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
    head = f"## {where}: ours {pm(list(ours.values()), sign='')}\n\n{groups[name][0][0].settings}\n\n"
    return head + markdown(["open", "ours", "otherwise", "nats", "seeds"], rows)


def bounds(group: list[list[Line]], length: int) -> dict[int, float]:
    """The test bounds of the seeds that got so far."""
    return {line.seed: line.test_bound for rows in group if (line := line_at(rows, length))}


def cost(ours: dict[int, float], theirs: dict[int, float]) -> str:
    """The mean difference, seed by seed: a seed has the same start and the same noise in both."""
    both = ours.keys() & theirs.keys()
    return pm([theirs[seed] - ours[seed] for seed in sorted(both)]) if both else "diverged, or not run"


def pm(values: list[float], sign: str = "+") -> str:
    """Their mean, with its standard error if there are several.

    >>> pm([1.0, 2.0, 3.0]), pm([-2.0], sign=""), pm([-1e9, -3e9])
    ('+2.00 +- 0.58', '-2.00', '-2e+09 +- 1e+09')
    """
    mean = statistics.fmean(values)
    digits = ".2f" if abs(mean) < 1e5 else ".3g"
    error = f" +- {statistics.stdev(values) / len(values) ** 0.5:{digits}}" if len(values) > 1 else ""
    return f"{mean:{sign}{digits}}{error}"
