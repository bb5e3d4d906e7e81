"""One curve of a figure: what to train, said in full, and training it so that it can be killed at any moment.

A curve has a name and a folder of that name, which holds an ordinary run. What it returns is the same to the last bit
whether it ran at once, in ten pieces, alone or beside others: it contains no clock, no host and no order.
"""

import dataclasses
import functools
import json
import math
import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aevb_np import evaluation
from aevb_np._atomic import remove_quietly, replacing
from aevb_np.data import frey_face, loading, mnist
from aevb_np.data.dataset import Dataset
from aevb_np.evaluation import Row
from aevb_np.experiments.lines import Line, Marginal, settings_in_short, versions_in_short
from aevb_np.runs import folders
from aevb_np.runs import opening as runs
from aevb_np.runs.config import WARM_UP, versions
from aevb_np.runs.history import FIRST_MARKS, MARK
from aevb_np.runs.run import Run

SAVE_EVERY = 30.0  # seconds
TELL_EVERY = 1.0  # seconds between looks at whether to stop
DIVERGED = "diverged.txt"  # why a curve ended early: going on with it would end in the same way

Pairs = tuple[tuple[str, Any], ...]  # names and values: a dictionary that can stand in a frozen dataclass


@dataclass(frozen=True)
class Curve:
    """What to train, and how far.

    Attributes
    ----------
    data : str
        mnist, frey, digits, faces, or the path of one's own file.
    method : {"aevb", "wake-sleep", "mcem", "full-vb"}
    latent : int
        N_z in the paper's figures, J in its text.
    samples : int
        How far: one of the counts after which a row of the history comes, see `at_a_row`.
    seed : int
    n_train : int, optional
        Only the first so many training points.
    variant : str
        What sets this curve apart in its name, if data, method, latent and seed do not.
    settings : pairs
        Other fields of `Config`; what is left out is as for `aevb train`.
    source : pairs
        What the data's loader is told: divisor, split, binarize, ...
    start : float
        What the parameters before the first step are multiplied by.
    marginals : tuple of int
        After how many samples log p(x) is estimated, by Appendix D.
    points : int
        On the first so many training and test images.
    """

    data: str
    method: str
    latent: int
    samples: int
    seed: int = 0
    n_train: int | None = None
    variant: str = ""
    settings: Pairs = ()
    source: Pairs = ()
    start: float = 1.0
    marginals: tuple[int, ...] = ()
    points: int = 1000

    @property
    def name(self) -> str:
        """Such as mnist-aevb-20-s0: the name of its folder, and what its rows are known by.

        >>> Curve("mnist", "mcem", latent=3, samples=200_000, n_train=1000).name
        'mnist-N1000-mcem-3-s0'
        """
        size = f"N{self.n_train}" if self.n_train else ""
        parts = [Path(self.data).stem, size, self.method, str(self.latent), self.variant, f"s{self.seed}"]
        return "-".join(part for part in parts if part)

    def dataset(self) -> Dataset:
        """Its data, loaded once in a process."""
        return _dataset(self.data, self.n_train, self.source)

    def new_run(self) -> Run:
        """The run before its first step."""
        what: dict[str, Any] = {"data": self.data, "method": self.method, "latent": self.latent, "seed": self.seed}
        settings = dict(self.settings)
        if settings.get("optimizer", "adagrad") == "adagrad":
            what["warmup"] = WARM_UP  # whatever the length: a short curve is the beginning of a longer one
        run = runs.start(self.dataset(), **{**what, "samples": self.samples, **settings})
        run.p.flat *= self.start
        return run


@functools.lru_cache(maxsize=2)  # a process that takes one curve after the other mostly needs the same data again
def _dataset(data: str, n_train: int | None, source: Pairs) -> Dataset:
    options = dict(source)
    if data == "mnist":
        dataset = mnist(**options)
    elif data == "frey":
        dataset = frey_face(**options)
    else:
        dataset = dataclasses.replace(loading.load(data), **options)
    return dataset if n_train is None else dataset.first(n_train)


def at_a_row(samples: float) -> int:
    """The next count of samples after which a history has a row: where a curve may end, and go on from, unseen.

    >>> at_a_row(150_000), at_a_row(1_000_000), at_a_row(1_000_001)
    (160000, 1000000, 1200000)
    """
    later = [mark for mark in FIRST_MARKS if mark >= samples]
    return later[0] if later else max(2, math.ceil(samples / MARK)) * MARK


@dataclass(frozen=True)
class Result:
    """What came of a curve.

    Attributes
    ----------
    curve : Curve
    lines : tuple of Line
        Up to the samples that were asked for.
    samples : int
        How far its run is, which may be further than was asked for.
    seconds : float
        Training and evaluating, all pieces together.
    host, processor : str
        Where the last piece ran.
    stopped : bool
        Whether it was asked to stop before its end.
    diverged : str
        Why it ended, if its numbers did not stay finite.
    """

    curve: Curve
    lines: tuple[Line, ...]
    samples: int
    seconds: float
    host: str
    processor: str
    stopped: bool = False
    diverged: str = ""


class UnlikeError(ValueError):
    """A folder holds another curve of the same name."""


def train(curve: Curve, work: Path, asked_to_stop: Callable[[], bool] = lambda: False) -> Result:
    """Start the curve in its folder under `work`, or go on with it there, up to its samples.

    Saves at every row and every half minute; `now.json` beside the checkpoint says how far it is.

    Raises
    ------
    UnlikeError
        If the folder holds a run with other settings.
    OSError, ValueError
        If data are not here, or something cannot be read or written.
    """
    folder = work / curve.name
    run = _opened(curve, folder)
    state = State(folder, curve)
    last = -(-curve.samples // run.config.samples_per_step)  # the step of the last row
    diverged = folder / DIVERGED
    stopped = False
    if run.step < last and not diverged.exists():
        _note_versions(run)
        try:
            stopped = not _go_on(run, curve, folder, state, asked_to_stop)
        except FloatingPointError as error:
            with replacing(diverged, "w") as file:
                file.write(str(error))
        state.tell(run)
    why = diverged.read_text(encoding="utf-8") if diverged.exists() and run.step < last else ""
    rows = [row for row in run.history if row.step <= last]
    lines = tuple(_lines(curve, run, rows, folder))
    return Result(curve, lines, run.samples, state.seconds, state.host, state.processor, stopped, why)


def _opened(curve: Curve, folder: Path) -> Run:
    """The run in this folder, made if there is none, seen to be that of the curve."""
    new = curve.new_run()
    if not folder.exists():
        folders.create(new, folder)
        return new
    for leftover in folder.glob("*.part"):  # of a kill in the middle of a save
        remove_quietly(leftover)
    run = runs.load(folder, curve.dataset())
    length = {"samples": 0, "versions": {}}  # may differ: a run can grow, and outlive an update of NumPy
    had, wanted = ({**one.config.as_dict(), **length} for one in (run, new))
    if other := [name for name in wanted if had[name] != wanted[name]]:
        raise UnlikeError(
            f"{folder} holds a run whose {other[0]} is {had[other[0]]}; this curve has {wanted[other[0]]}. "
            "Remove that folder, or choose another --out"
        )
    return run


def _note_versions(run: Run) -> None:
    """Add to the run's settings with what it goes on, if that is not what it began with: the table will say both."""
    had, now = run.config.versions, versions(run.config.threads)
    both = {
        name: f"{had[name]}, then {now[name]}" for name in now if str(had[name]).split(", then ")[-1] != str(now[name])
    }
    run.config = dataclasses.replace(run.config, versions={**had, **both})


def _go_on(run: Run, curve: Curve, folder: Path, state: "State", asked_to_stop: Callable[[], bool]) -> bool:
    """Train to the end and save; False if it was asked to stop before."""
    saved = told = time.monotonic()
    for now in run.steps(curve.samples):
        if now.row and (due := _due(curve, run)):
            _measure(run, curve, folder / f"marginal-{due}.json")  # before the save: no checkpoint is ahead of it
        clock = time.monotonic()
        if now.row or clock - saved > SAVE_EVERY:
            run.save(folder)
            saved = clock
        if now.row or clock - told > TELL_EVERY:
            state.tell(run)
            told = clock
            if asked_to_stop() and now.samples < curve.samples:
                run.save(folder)
                return False
    return True


# -- log p(x) on the way ----------------------------------------------------------------------------------------------


def _due(curve: Curve, run: Run) -> int:
    """The count whose marginals belong to this step, 0 if there is none."""
    per_step = run.config.samples_per_step
    return next((count for count in curve.marginals if -(-count // per_step) == run.step), 0)


def _measure(run: Run, curve: Curve, path: Path) -> None:
    """Estimate log p(x) of the first training and test images by Appendix D, and write it down."""
    chains = run.method.chains(curve.points)
    found: dict[str, float] = {}
    for split, pixels, z in (("train", run.data.x_train, chains), ("test", run.data.x_test, None)):
        estimate = run.log_marginal(pixels[: curve.points], "hmc", z=z)
        found[split], found[f"{split}_error"] = evaluation.mean_and_error(estimate.log_px)
        found[f"{split}_noise"] = float((estimate.error**2).sum() ** 0.5 / len(estimate.error))
    with replacing(path, "w") as file:
        json.dump(found, file)


def _lines(curve: Curve, run: Run, rows: list[Any], folder: Path) -> list[Line]:
    """The rows as they stand in a figure's CSV; of MCEM, which has no bound, those with marginals."""
    c = run.config
    wanted = {-(-count // c.samples_per_step): folder / f"marginal-{count}.json" for count in curve.marginals}
    lines = []
    for row in rows:
        path = wanted.get(row.step)
        marginal = Marginal(**json.loads(path.read_text(encoding="utf-8"))) if path and path.exists() else Marginal()
        bounds = row if isinstance(row, Row) else None
        if bounds is None and path is None:
            continue
        lines.append(
            Line(
                curve=curve.name,
                data=c.data_name,
                method=c.method,
                n_z=c.latent,
                n_train=c.N,
                seed=c.seed,
                samples=row.samples,
                train_running=bounds.train_running if bounds else math.nan,
                train_bound=bounds.train_bound if bounds else math.nan,
                test_bound=bounds.test_bound if bounds else math.nan,
                test_standard_error=bounds.test_standard_error if bounds else math.nan,
                marginal=marginal,
                settings=settings_in_short(c, curve.source, curve.start),
                versions=versions_in_short(c.versions),
                kernel=c.versions["kernel"],
            )
        )
    return lines


# -- beside the curve: clocks and hosts, for people and for timings.csv ----------------------------------------------


class State:
    """now.json in the curve's folder: how far it is, what that took, and where it ran."""

    def __init__(self, folder: Path, curve: Curve):
        before = read_state(folder)
        self.path, self.of = folder / "now.json", curve.samples
        self.seconds, self.host = float(before.get("seconds", 0.0)), before.get("host", platform.node())
        self.processor = before.get("processor", "") or processor()
        self.clock = time.monotonic()

    def tell(self, run: Run) -> None:
        """Write it down, without waiting for the disk: it may be lost."""
        clock = time.monotonic()
        self.seconds += clock - self.clock
        self.clock, self.host, self.processor = clock, platform.node(), processor()
        content = {
            "samples": run.samples,
            "of": self.of,
            "seconds": round(self.seconds, 3),
            "host": self.host,
            "processor": self.processor,
            "bound": run.history[-1].brief if run.history else "",
        }
        part = self.path.with_name(f"now.{os.getpid()}.part")
        part.write_text(json.dumps(content), encoding="utf-8")
        os.replace(part, self.path)


@functools.lru_cache(maxsize=1)
def processor() -> str:
    """The processor's name: where Linux keeps it, else what Python knows."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.machine()


def read_state(folder: Path) -> dict[str, Any]:
    """What now.json says; nothing if it is not there, or being replaced at this moment."""
    try:
        return json.loads((folder / "now.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
