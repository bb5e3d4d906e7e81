"""Train a variational auto-encoder, or go on training one.

Without arguments: digits that the package draws itself, a 2-D latent space, done in under a minute. Pictures, the
history and a checkpoint are left in a folder under runs/.
"""

import argparse
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aevb_np.cli.arguments import RUNS, add_place, shape, whole

SAVE_EVERY = 15.0  # seconds
FAR_BELOW = 0.1  # a last bound that is worse than the best by this part of it deserves a word

# flag -> the field of Config that it sets
SETTINGS = {
    "method": "method",
    "latent": "latent",
    "hidden": "hidden",
    "hidden_unit": "hidden_unit",
    "minibatch": "minibatch",
    "draws": "draws",
    "estimator": "estimator",
    "optimizer": "optimizer",
    "step": "step",
    "warmup": "warmup",
    "prior": "prior",
    "start": "start",
    "freeze": "freeze",
    "sampling": "sampling",
    "log_var_floor": "log_var_floor",
    "decoder": "decoder",
    "seed": "seed",
    "dtype": "dtype",
    "threads": "threads",
}
DATA_OPTIONS = ("shape", "labels", "test_fraction")


def add(parser: argparse.ArgumentParser) -> None:
    """The flags of `aevb train`."""
    parser.add_argument(
        "data",
        nargs="?",
        metavar="DATA",
        help="digits (default), faces, mnist, frey, or a file (.npy, .npz, .mat, IDX, CSV) or folder of your own",
    )
    data = parser.add_argument_group("the data")
    data.add_argument("--train", type=whole, metavar="N", help="keep the first N training points")
    data.add_argument("--binarize", choices=("none", "threshold", "static", "dynamic"), help="MNIST's pixels (none)")
    data.add_argument("--shape", type=shape, metavar="RxC", help="one's own rows of pixels as images, such as 28x20")
    data.add_argument("--labels", metavar="FILE", help="labels of one's own images")
    data.add_argument(
        "--test-fraction", type=float, metavar="F", help="part of one's own images kept for testing (0.1)"
    )
    model = parser.add_argument_group("the model")
    model.add_argument("--latent", type=whole, metavar="J", help="latent dimensions (2)")
    model.add_argument("--hidden", type=whole, metavar="H", help="hidden units (500 for mnist, else 200)")
    model.add_argument("--hidden-unit", metavar="U", help="tanh, relu or softplus (tanh, the paper's)")
    model.add_argument("--decoder", metavar="P", help="p(x|z): bernoulli or gaussian (as the data suggest)")
    model.add_argument(
        "--log-var-floor", type=float, metavar="S", help="least log sigma^2 of a Gaussian decoder (none)"
    )
    method = parser.add_argument_group("the algorithm")
    method.add_argument("--method", help="aevb, wake-sleep, mcem or full-vb (aevb)")
    method.add_argument("--estimator", choices=("A", "B"), help="eq. (6) or eq. (7); (21) or (24) (B)")
    method.add_argument(
        "--minibatch", type=whole, metavar="M", help="datapoints in an update (100; mcem: all up to 1000)"
    )
    method.add_argument("--draws", type=whole, metavar="L", help="samples of z for each datapoint (1)")
    method.add_argument("--optimizer", choices=("adagrad", "sgd", "adam"), help="(adagrad; adam for faces)")
    method.add_argument("--step", type=float, help="its step size (by data, J and optimizer; shown at the start)")
    method.add_argument(
        "--warmup",
        type=whole,
        metavar="T",
        help="gradients that Adagrad gathers before it moves (100, or a tenth of a shorter run)",
    )
    method.add_argument("--prior", choices=("all", "weights", "none"), help="what the prior N(0, I) lies on (all)")
    method.add_argument("--start", metavar="W", help="paper, zero-heads, fan-in or fan-in-zero-heads (paper)")
    method.add_argument("--freeze", choices=("theta",), help="fit an encoder to the decoder of RUN, named as DATA")
    method.add_argument("--sampling", choices=("permutation", "replacement"), help="of minibatches (permutation)")
    length = parser.add_mutually_exclusive_group()
    length.add_argument(
        "--samples", type=whole, metavar="S", help="how long: datapoints in updates (1e6 for mnist, frey)"
    )
    length.add_argument("--epochs", type=whole, metavar="E", help="stop after so many passes over the training points")
    parser.add_argument("--seed", type=whole, help="(0)")
    parser.add_argument("--dtype", choices=("float32", "float64"), help="(float32)")
    parser.add_argument("--threads", type=whole, help="of the BLAS (1)")
    parser.add_argument("--out", type=Path, metavar="RUN", help="the run's folder (default: a new one under runs/)")
    parser.add_argument("--resume", metavar="RUN", help="go on with a run; --samples or --epochs may lengthen it")
    add_place(parser)


def run(args: argparse.Namespace) -> int:
    """Train, save, draw."""
    from aevb_np.runs import pictures

    run, folder = resumed(args) if args.resume is not None else started(args)
    log = Log(folder / "log.txt")
    if run.samples >= run.config.samples:
        print(f"{folder} has seen {run.samples:,} samples; --samples can ask for more")
        return 0
    try:
        finished = train(run, folder, log)
    except KeyboardInterrupt:
        print(f"stopped at once; what was saved before goes on with:  aevb train --resume {quoted(folder)}")
        raise
    except FloatingPointError as error:
        log.write(str(error))
        raise FloatingPointError(f"{error}. The last good checkpoint is in {folder}") from None
    if not finished:
        log.write(f"interrupted at {run.samples:,} samples")
        print(f"saved at {run.samples:,} samples. To go on:  aevb train --resume {quoted(folder)}")
        return 130
    names = [path.name for path in pictures.draw(run, folder)]
    row = run.history[-1]
    log.write(f"done: {row}")
    print(run.config.description)
    print(f"after {row.samples:,} samples: {row.result}. Pictures in {folder}: {', '.join(names)}")
    for line in pictures.left_out(run):
        print(line)
    if run.has_encoder:
        for line in much_better_before(run):
            print(line)
    return 0


def much_better_before(run: Any) -> Iterator[str]:
    """A word to somebody whose run has lost what it had."""
    row, best = run.history[-1], max(run.history, key=lambda row: row.test_bound)
    if row.test_bound < best.test_bound - FAR_BELOW * abs(best.test_bound):
        yield (
            f"note: the test bound was {best.test_bound:.2f} at {best.samples:,} samples; those parameters "
            "are in best.npz. A smaller --step may hold on to them"
            + (", or --log-var-floor -6" if run.config.decoder == "gaussian" else "")
        )


# -- before ---------------------------------------------------------------------------------------------------------


def started(args: argparse.Namespace) -> tuple[Any, Path]:
    """A new run with its folder, which holds a checkpoint from its first moment on."""
    from aevb_np.runs import folders

    if args.out and args.out.exists():
        raise ValueError(f"{args.out} is there already and is not overwritten; choose another --out, or --resume it")
    settings = {field: getattr(args, flag) for flag, field in SETTINGS.items()}
    run = encoder_only(args, settings) if args.freeze == "theta" else from_data(args, settings)
    if (args.samples, args.epochs) != (None, None):
        run.config = run.of_length(length(run.config, args))
    c = run.config
    if 0 < c.samples <= c.warmup * c.minibatch:
        raise ValueError(
            f"{c.samples:,} samples are {-(-c.samples // c.samples_per_step):,} steps, and Adagrad moves nothing in "
            f"its {c.warmup} gradients of warm-up: nothing would be learned. Take a smaller --warmup, or more "
            f"--samples than {c.warmup * c.minibatch:,}"
        )
    name = f"{c.data_name}-{'encoder' if c.freeze == 'theta' else c.method}-J{c.latent}-s{c.seed}"
    folder = folders.create(run, args.out or RUNS / name, number=args.out is None)
    for line in introduction(run):
        print(line)
    print(f"saving to {folder}; Ctrl-C saves and stops")
    return run, folder


def from_data(args: argparse.Namespace, settings: dict[str, Any]) -> Any:
    """A run on the data that were asked for."""
    from aevb_np.data import loading
    from aevb_np.runs import opening as runs

    source = "digits" if args.data is None else args.data
    options = {name: getattr(args, name) for name in DATA_OPTIONS if getattr(args, name) is not None}
    dataset = loading.load(source, train=args.train, binarize=args.binarize, decoder=args.decoder, **options)
    if source not in loading.NAMES:
        source = str(Path(source).expanduser().resolve())
    if "labels" in options:
        options["labels"] = str(Path(options["labels"]).resolve())
    return runs.start(dataset, data=source, data_options=options, **settings)


def encoder_only(args: argparse.Namespace, settings: dict[str, Any]) -> Any:
    """A run that fits an encoder to another run's decoder, on that run's data."""
    from aevb_np.runs.fitting import fit_encoder
    from aevb_np.runs.opening import load

    if args.data is None:
        raise ValueError("--freeze theta needs the run whose decoder is meant:  aevb train --freeze theta RUN")
    for name in ("train", "binarize", *DATA_OPTIONS):
        if getattr(args, name) is not None:
            raise ValueError(f"--{name.replace('_', '-')}: with --freeze theta the data are the run's. Leave it out")
    del settings["freeze"]
    return fit_encoder(load(args.data, args.place), **settings)


def resumed(args: argparse.Namespace) -> tuple[Any, Path]:
    """A run that goes on, and its folder."""
    import dataclasses

    from aevb_np._atomic import remove_quietly
    from aevb_np.runs import folders
    from aevb_np.runs import opening as runs
    from aevb_np.runs.config import versions

    folder = folders.find(args.resume)
    if not folder.is_dir():
        raise ValueError(f"{folder} is a file; resume the run's folder, {folder.parent}")
    for leftover in folder.glob("*.part"):  # of a kill in the middle of a save
        remove_quietly(leftover)
    run = runs.load(folder, args.place)
    refuse_differences(args, run.config)
    run.config = dataclasses.replace(run.config, samples=length(run.config, args))
    if run.config.samples < run.samples and (args.samples is not None or args.epochs is not None):
        raise ValueError(f"this run has seen {run.samples:,} samples already; {run.config.samples:,} cannot undo them")
    now, then = versions(run.config.threads), run.config.versions
    for what in ("aevb_np", "numpy", "scipy", "blas", "kernel"):
        if now[what] != then.get(what, now[what]):
            print(f"note: {what} is {now[what]} now and was {then[what]}; the last bits can differ for it")
    if run.samples < run.config.samples:
        print(f"{folder}: going on at {run.samples:,} of {run.config.samples:,} samples")
    return run, folder


def refuse_differences(args: argparse.Namespace, config: Any) -> None:
    """A run goes on with its own settings: a flag that says otherwise is an error."""
    from aevb_np.data.loading import NAMES

    had = {flag: getattr(config, field) for flag, field in SETTINGS.items()}
    had |= {"train": config.N, "binarize": config.binarize}
    had |= {name: config.data_options.get(name) for name in DATA_OPTIONS} | {"shape": config.image_shape}
    for flag, value in had.items():
        asked = getattr(args, flag)
        same = str(Path(asked).resolve()) == value if flag == "labels" and asked else asked == value
        if asked is not None and not same:
            raise ValueError(
                f"--{flag.replace('_', '-')} is {asked}, but this run has {value}; only its length can change"
            )
    asked = args.data if args.data in NAMES or args.data is None else str(Path(args.data).resolve())
    if asked not in (None, config.data):
        raise ValueError(f"this run is on {config.data}, not on {args.data}; a resumed run keeps its data")
    if args.out is not None:
        raise ValueError("--out names the folder of a new run; a resumed run stays where it is")


def length(config: Any, args: argparse.Namespace) -> int:
    """As many samples as were asked for."""
    for name in ("samples", "epochs"):
        if (number := getattr(args, name)) is not None and number < 1:
            raise ValueError(f"--{name} is 1 or more; got {number}")
    if args.epochs is not None:
        return args.epochs * (config.N // config.minibatch) * config.samples_per_step
    return config.samples if args.samples is None else args.samples


def introduction(run: Any) -> Iterator[str]:
    """What is about to be trained, on what and how, for a person to check."""
    from aevb_np.runs.config import units
    from aevb_np.runs.methods import own_settings

    c, model = run.config, run.model
    yield c.description
    if run.data.understood:
        yield run.data.understood
    how = ", ".join([c.method, *own_settings(c)]) + (", theta frozen" if c.freeze == "theta" else "")
    yield (
        f"{model.D}-{c.hidden}-{c.latent}, {c.decoder.capitalize()} decoder{units(c)}, {run.p.flat.size:,} parameters; "
        f"{how}, M = {c.minibatch}, prior on {c.prior}"
    )
    warmup = f" after {c.warmup} gradients of warm-up" if c.warmup else ""
    start = f", start {c.start}" if c.start != "paper" else ""
    yield f"{c.optimizer}, step {c.step:g}{warmup}; {c.samples:,} samples; seed {c.seed}, {c.dtype}{start}"


# -- during ---------------------------------------------------------------------------------------------------------


def train(run: Any, folder: Path, log: "Log") -> bool:
    """Train to the end, saving at every row and every few seconds; False when a person stopped it."""
    from aevb_np.cli.progress import progress

    log.write(f"start at {run.samples:,} of {run.config.samples:,} samples; {run.config.versions}")
    saved = time.monotonic()
    with progress(run) as show, stop_signal() as stopped:
        for now in run.steps():
            show(now)
            if now.row:
                log.write(str(now.row))
            if now.row or stopped or time.monotonic() - saved > SAVE_EVERY:
                run.save(folder)
                saved = time.monotonic()
            if stopped:
                return run.samples >= run.config.samples
    return True


@contextmanager
def stop_signal() -> Iterator[list]:
    """A list that is empty until Ctrl-C (or a polite kill) asks to stop; a second Ctrl-C stops at once."""
    asked: list[int] = []

    def handler(number, frame):
        asked.append(number)
        if len(asked) > 1:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, old in before.items():
            signal.signal(number, old)


class Log:
    """The run's log.txt: lines with the time of day, which the history leaves out."""

    def __init__(self, path: Path):
        self.path = path

    def write(self, line: str) -> None:
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {' '.join(line.split())}\n")


def quoted(path: Path) -> str:
    """A path as it can be pasted into a shell."""
    return f'"{path}"' if " " in str(path) else str(path)
