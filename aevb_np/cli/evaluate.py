"""Evaluate a run: its bound by both estimators, with errors, and what the bound is made of; or log p(x) itself.

All samples of z are fresh (never z = mu). Everything is in nats per image.
"""

import argparse
import math

from aevb_np.cli.arguments import add_run, whole

REPEATS = 10
ACTIVE = 0.01  # nats of KL from which a latent dimension counts as active


def add(parser: argparse.ArgumentParser) -> None:
    """The flags of `aevb evaluate`."""
    add_run(parser)
    parser.add_argument(
        "--marginal",
        choices=("hmc", "importance", "quadrature", "ais"),
        help="estimate log p(x) instead, by this method",
    )
    parser.add_argument(
        "--images", type=whole, metavar="N", help="the first N of each kind, with --marginal (1000; for ais 100)"
    )


def run(args: argparse.Namespace) -> int:
    """Evaluate and print."""
    if args.images is not None and args.marginal is None:
        raise ValueError("--images goes with --marginal; the bound is evaluated on all test images")
    return bound(args) if args.marginal is None else marginal(args)


def bound(args: argparse.Namespace) -> int:
    """The bound and its parts."""
    from threadpoolctl import threadpool_limits

    from aevb_np.evaluation import EVALUATED, summary
    from aevb_np.experiments.expectation import beside

    run = introduced(args)
    with threadpool_limits(run.config.threads, "blas"):
        test = summary([run.evaluate("test", repeat=r) for r in range(REPEATS)])
        train = summary([run.evaluate("train", EVALUATED, repeat=r) for r in range(REPEATS)])
    counts = [
        f"{kind} ({min(len(x), EVALUATED):,} images)"
        for kind, x in (("test", run.data.x_test), ("train", run.data.x_train))
    ]
    print(f"{'nats per image, +- standard error':36}{counts[0]:>24} {counts[1]:>24}")
    for name, attribute in (
        ("bound, estimator A, eq. (6)", "bound_a"),
        ("bound, estimator B, eq. (7)", "bound_b"),
        ("  reconstruction, E log p(x|z)", "reconstruction"),
        ("  KL(q(z|x) || p(z))", "kl"),
    ):
        print(f"{name:36}{pair(getattr(test, attribute)):>24} {pair(getattr(train, attribute)):>24}")
    for name, attribute in (
        ("error of A from the noise in z", "noise_a"),
        ("error of B from the noise in z", "noise_b"),
    ):
        print(f"{name:36}{getattr(test, attribute):>24.3f} {getattr(train, attribute):>24.3f}")
    for line in run.method.remarks(REPEATS):
        print(line)
    print(f"The noise error is that of one sample of z per image ({REPEATS} repeats); +- is from the choice of images.")
    kl = sorted(test.kl_per_dimension, reverse=True)
    active = sum(value > ACTIVE for value in kl)
    print(f"active latent dimensions: {active} of {len(kl)} (KL above {ACTIVE} nat); KL of each, largest first:")
    print("  " + " ".join(f"{value:.2f}" for value in kl))
    reported = run.method.bound(test)
    for line in (*about_the_likelihood(run, test), *beside(run.config, run.samples, reported[0])):
        print(line)
    return 0


def marginal(args: argparse.Namespace) -> int:
    """log p(x), and the bound on the same images beside it."""
    import numpy as np
    from threadpoolctl import threadpool_limits

    from aevb_np.evaluation import mean_and_error
    from aevb_np.marginal_likelihood.log_marginal import BLIND, INFINITE

    run = introduced(args)
    n = (100 if args.marginal == "ais" else 1000) if args.images is None else args.images
    if n < 1:
        raise ValueError(f"--images is a whole number from 1 up; got {n}")
    images = {"test": run.data.x_test[:n], "train": run.data.x_train[:n]}
    chains = {"train": run.method.chains(n)}
    counts = [f"{kind} ({len(x):,} images)" for kind, x in images.items()]
    with threadpool_limits(run.config.threads, "blas"):
        found = [run.log_marginal(x, args.marginal, z=chains.get(kind)) for kind, x in images.items()]
        bounds = [run.bound(x, REPEATS) for x in images.values()] if run.has_encoder else []
    print(f"{'nats per image, +- standard error':36}{counts[0]:>24} {counts[1]:>24}")
    rows = {f"log p(x) by {args.marginal}": [pair(mean_and_error(one.log_px)) for one in found]}
    rows["  its own error, median image"] = [f"{np.median(one.error):.2g}" for one in found]
    rows["  images with an infinite error"] = [f"{np.isinf(one.error).sum():,}" for one in found]
    if found[0].effective is not None:
        rows["  effective draws, median image"] = [f"{np.median(one.effective):.1f}" for one in found]
    if found[0].acceptance is not None:
        rows["  moves accepted"] = [f"{one.acceptance.mean():.3f}" for one in found]
    if found[0].k is not None:
        rows["  Pareto k, median image"] = [f"{np.median(one.k):.2f}" for one in found]
    if found[0].r_hat is not None:
        rows["  split R-hat, worst image"] = [f"{one.r_hat.max():.2f}" for one in found]
    if bounds:
        rows["bound, estimator B, same images"] = [pair(mean_and_error(one)) for one in bounds]
    for name, (test, train) in rows.items():
        print(f"{name:36}{test:>24} {train:>24}")
    if any(np.isinf(one.error).any() for one in found):
        print(f"warning: where the error is infinite, {INFINITE[args.marginal]}")
    print(f"{args.marginal} is {BLIND[args.marginal]}")
    if remark := run.method.marginal_remark:
        print(remark)
    return 0


def introduced(args):
    """The run, once what it is has been said."""
    from aevb_np.runs.folders import find
    from aevb_np.runs.opening import load

    path = find(args.run_path)
    run = load(path, args.place)
    chosen = ", parameters chosen by their bound on these test images" if run.chosen_on_test else ""
    print(f"{path} after {run.samples:,} samples{chosen}")
    print(run.config.description)
    if run.trainer.optimizer.t <= run.config.warmup:
        print(f"nothing has been learned yet: after {run.step:,} steps the parameters are those of the start")
    return run


def pair(value: tuple[float, float]) -> str:
    """A mean and its standard error."""
    return f"{value[0]:.2f} +- {value[1]:.2f}"


def about_the_likelihood(run, test):
    """Bits per dimension where they mean something; what to compare a Gaussian decoder with."""
    if run.config.decoder == "gaussian":
        from aevb_np.data import pixel_baseline

        yield f"smallest log sigma^2 of the decoder on the test images: {test.min_log_var:.2f}"
        try:
            train_baseline, test_baseline = pixel_baseline(run.data)
            yield (
                f"a Gaussian for each pixel that ignores z has {test_baseline:.2f} (test), "
                f"{train_baseline:.2f} (train); a bound above that has learned something"
            )
        except ValueError as error:  # a pixel that never changes has no variance
            yield f"no Gaussian for each pixel to compare with: {error}"
        yield "bits per dimension: none, for a density of real-valued pixels is no probability of grey values"
    elif run.config.binarize == "none":
        yield "bits per dimension: none, for the cross-entropy of grey pixels is no normalised log-probability"
    else:
        D = run.model.D
        yield f"bits per dimension: {-test.bound_b[0] / (D * math.log(2)):.4f} (test), at most"
