"""Complete images by the posterior: find what is missing of them, clean them of noise, sharpen them.

Test images are damaged as the task says; z is drawn from its posterior given what was seen, by HMC, and decoded. The
mean squared error is held against guesses that know no model, and a picture shows the first images.
"""

import argparse

from aevb_np.cli.arguments import add_run, whole

MEASURED = 100  # test images that the errors are means over, or more if more are drawn
OWN_FLAGS = {"missing": "inpaint", "rate": "denoise", "noise": "denoise", "block": "super-resolve"}


def add(parser: argparse.ArgumentParser) -> None:
    """The flags of `aevb complete`."""
    add_run(parser)
    parser.add_argument("--task", choices=("inpaint", "denoise", "super-resolve"), default="inpaint", help="(inpaint)")
    parser.add_argument(
        "--missing", choices=("top", "bottom", "left", "right"), help="inpaint: the half that is not seen (bottom)"
    )
    parser.add_argument(
        "--rate", type=float, metavar="R", help="denoise, Bernoulli decoder: how likely a bit is flipped (0.1)"
    )
    parser.add_argument(
        "--noise", type=float, metavar="S", help="denoise, Gaussian decoder: standard deviation of the noise (0.2)"
    )
    parser.add_argument(
        "--block", type=whole, metavar="N", help="super-resolve: means of N x N pixels (Bernoulli 4, Gaussian 2)"
    )
    parser.add_argument("--images", type=whole, default=10, metavar="N", help="how many to draw (10)")
    parser.add_argument("--seed", type=whole, default=0, help="of the noise and of HMC (0)")
    parser.add_argument("--format", choices=("png", "pdf", "svg"), default="png", help="(png)")


def run(args: argparse.Namespace) -> int:
    """Complete, print the errors, draw."""
    from threadpoolctl import threadpool_limits

    from aevb_np import completion
    from aevb_np.runs import pictures
    from aevb_np.runs.folders import find
    from aevb_np.runs.opening import load
    from aevb_np.streams import stream

    for flag, task in OWN_FLAGS.items():
        if getattr(args, flag) is not None and task != args.task:
            raise ValueError(f"--{flag} is for --task {task}; leave it out of --task {args.task}")
    if args.images < 1:
        raise ValueError(f"--images is a whole number from 1 up; got {args.images}")
    path = find(args.run_path)
    run = load(path, args.place)
    observation = observation_for(args, run)
    bits = args.task == "denoise" and run.config.decoder == "bernoulli"
    print(f"{path} after {run.samples:,} samples")
    print(run.config.description)
    print(f"{args.task}: {observation.describe()}")
    if bits and run.config.binarize == "none":
        print("grey pixels are made bits first, 1 above 1/2")

    rng = stream("hmc", args.seed, 2)  # steps 0 and 1 are MCEM's and log_marginal's
    x = shown(run, run.data.x_test[: max(args.images, MEASURED)], bits)
    x_train = shown(run, run.data.x_train, bits)
    observed = observation.observe(x, rng)
    mean_image = x_train.mean(axis=0)
    with threadpool_limits(run.config.threads, "blas"):
        z = start(run, observation, observed, mean_image, rng)
        done = completion.complete(observation, run.p.theta, observed, z, rng)
    guesses = {
        "completion, the posterior mean": done.mean,
        "mean training image": mean_image,
        f"nearest of {len(x_train):,} training images": x_train[completion.nearest(observation, observed, x_train)],
    }
    if args.task != "inpaint":
        guesses["what was seen, as it is"] = observation.fill(observed, mean_image)
    print(f"mean squared error of the {observation.missing.sum()} pixels to be found, {len(x):,} test images")
    for name, guess in guesses.items():
        print(f"  {name:40}{error(guess - x, observation.missing)}")
    print(f"{len(done.z)} draws of z for each image, {100 * done.acceptance.mean():.1f} % of the moves accepted")
    figure = picture(run, args, observation, x, observed, done)
    file = (path if path.is_dir() else path.parent) / f"complete-{args.task}.{args.format}"
    pictures.write(figure, file, args.format)
    print(file)
    return 0


def observation_for(args, run):
    """What is seen of an image in this task."""
    from aevb_np.completion import Denoising, Inpainting, SuperResolution, half

    decoder, shape = run.model.decoder, run.config.image_shape
    if args.task == "inpaint":
        return Inpainting(decoder, ~half(args.missing or "bottom", shape))
    bernoulli = run.config.decoder == "bernoulli"
    if args.task == "super-resolve":
        return SuperResolution(decoder, shape, (4 if bernoulli else 2) if args.block is None else args.block)
    right, wrong = ("rate", "noise") if bernoulli else ("noise", "rate")
    if getattr(args, wrong) is not None:
        raise ValueError(f"--{wrong} does not go with this run's {run.config.decoder} decoder; --{right} does")
    strength = getattr(args, right)
    return Denoising(decoder, (0.1 if bernoulli else 0.2) if strength is None else strength)


def shown(run, pixels, bits):
    """Pixels as the model sees them; bits of them, if bits are to be flipped."""
    from aevb_np.streams import stream

    x = run.data.scale(pixels, stream("data", 0), run.p.flat.dtype)
    return (x > 0.5).astype(x.dtype) if bits else x


def start(run, observation, observed, mean_image, rng):
    """Where HMC starts: at the encoder's mean of the image filled with guesses; in MCEM, at the best of ten chains."""
    from aevb_np.marginal_likelihood import starts

    if run.has_encoder:
        return run.encode(observation.fill(observed, mean_image))[0]
    return starts(observation, run.p.theta, observed, rng)


def error(difference, missing):
    """The mean square over the missing pixels and all images, and its standard error from the choice of images."""
    from aevb_np.evaluation import mean_and_error

    mean, standard_error = mean_and_error((difference[:, missing] ** 2).mean(axis=1))
    return f"{mean:.5f} +- {standard_error:.5f}"


def picture(run, args, observation, x, observed, done):
    """The first images, what was seen of each, and what was found."""
    import numpy as np

    from aevb_np import plotting

    few = slice(args.images)
    seen = observation.fill(observed[few], np.full(run.model.D, np.nan))
    ink = x.mean() < 1 / 3  # bright on a dark ground: shown black on white, as in `pictures`
    title = f"{args.task}: {run.config.data_name}, J = {run.model.J}, {run.samples:,} samples"
    return plotting.completions(
        x[few], seen, done.mean[few], done.spread[few], run.config.image_shape, invert=ink, title=title
    )
