"""Evaluate a run: its bound by both estimators, with errors, and what the bound is made of.

All samples of z are fresh (never z = mu). Everything is in nats per image.
"""

import argparse
import math

from aevb_np.cli.arguments import add_run

REPEATS = 10
ACTIVE = 0.01  # nats of KL from which a latent dimension counts as active


def add(parser: argparse.ArgumentParser) -> None:
    """The flags of `aevb evaluate`."""
    add_run(parser)


def run(args: argparse.Namespace) -> int:
    """Evaluate and print."""
    from threadpoolctl import threadpool_limits

    from aevb_np.evaluation import summary
    from aevb_np.run import EVALUATED, find, load

    path = find(args.run_path)
    run = load(path)
    chosen = ", parameters chosen by their bound on these test images" if run.chosen_on_test else ""
    print(f"{path} after {run.samples:,} samples{chosen}")
    print(run.config.description)
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
    print(f"The noise error is that of one sample of z per image ({REPEATS} repeats); +- is from the choice of images.")
    kl = sorted(test.kl_per_dimension, reverse=True)
    active = sum(value > ACTIVE for value in kl)
    print(f"active latent dimensions: {active} of {len(kl)} (KL above {ACTIVE} nat); KL of each, largest first:")
    print("  " + " ".join(f"{value:.2f}" for value in kl))
    for line in about_the_likelihood(run, test):
        print(line)
    return 0


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
