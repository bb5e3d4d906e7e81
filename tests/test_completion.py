"""Observations as decoders: their densities are right, their gradients too, and what is inferred through them is true.

Random tests use fixed seeds and allow 4 standard errors.
"""

import itertools
import math

import numpy as np
import pytest
from finite_differences import complex_step, relative_error, richardson
from oracles import LinearGaussian
from scipy.special import expit
from scipy.stats import binom, multivariate_normal, norm
from test_gradients import Draw

from aevb_np.completion import (
    Completion,
    Denoising,
    Inpainting,
    SuperResolution,
    complete,
    decoded,
    half,
    nearest,
    ones_log_prob,
)
from aevb_np.networks import BernoulliMLP, GaussianMLP
from aevb_np.params import Params
from aevb_np.streams import stream
from aevb_np.true_posterior import posterior

M, J, H = 5, 2, 7
SHAPE, D = (4, 6), 24  # blocks of 2 x 2: six of them
SEEN = np.arange(D) % 3 > 0
NOISE = {"bernoulli": 0.13, "gaussian": 0.7}
KINDS = pytest.mark.parametrize("kind", ["bernoulli", "gaussian"])


def decoder_of(kind, n_out=D):
    return BernoulliMLP(J, H, n_out) if kind == "bernoulli" else GaussianMLP(J, H, n_out, sigmoid_mean=True)


def observation_of(name):
    task, kind = name.split(", ")
    decoder = decoder_of(kind)
    return {
        "inpainting": lambda: Inpainting(decoder, SEEN),
        "denoising": lambda: Denoising(decoder, NOISE[kind]),
        "super-resolution": lambda: SuperResolution(decoder, SHAPE, 2),
    }[task]()


TASKS = ("inpainting", "denoising", "super-resolution")
NAMES = [f"{task}, {kind}" for task in TASKS for kind in ("bernoulli", "gaussian")]
EVERY = pytest.mark.parametrize("name", NAMES)


def case(name, draw):
    """An observation, theta, what was observed of random images, z and the weights of the rows."""
    observation = observation_of(name)
    theta = draw.params(observation.decoder.shapes)
    x = draw.bits(M, D) if observation.bits else draw.normal(M, D)
    observed = observation.observe(x, np.random.default_rng(1))
    return observation, theta, observed, draw.normal(M, J), draw.normal(M)


# ---- The gradients are right ----


def errors(name, differences):
    """||backward - measured|| / ||measured|| in z and in theta, of a weighted sum over the rows."""
    observation, theta, observed, z, weights = case(name, Draw())
    _, backward = observation.log_prob(theta, observed, z)
    dz, flat = backward(weights), theta.flat
    if differences is complex_step:
        z, flat = z + 0j, flat + 0j
    at = Params(theta.shapes, flat)

    def f():
        return (weights * observation.log_prob(at, observed, z)[0]).sum()

    return relative_error(dz, differences(f, z)), relative_error(theta.grad, differences(f, flat))


@EVERY
def test_complex_step(name):
    assert max(errors(name, complex_step)) < 1e-12


@EVERY
def test_richardson(name):
    assert max(errors(name, richardson)) < 1e-8


@EVERY
def test_asked_for_less(name):
    """Without the value, without the gradient in z, without that in theta: what remains is the same."""
    observation, theta, observed, z, weights = case(name, Draw(writeable=False))
    log_p, backward = observation.log_prob(theta, observed, z)
    dz, whole = backward(weights), theta.grad.copy()
    nothing, backward = observation.log_prob(theta, observed, z, value=False)
    assert log_p.shape == (M,) and nothing is None
    np.testing.assert_array_equal(backward(weights, parameters=False), dz)
    np.testing.assert_array_equal(theta.grad, whole)
    assert backward(weights, inputs=False) is None
    np.testing.assert_allclose(theta.grad, 2 * whole)


@pytest.mark.parametrize("a", [-200.0, -30.0, 30.0, 200.0])
def test_certain_pixels_stay_finite_in_single_precision(a):
    """Where 1 - y is less than float32 can tell from nothing, the density is still right, and so is its gradient."""
    x, logits, one = np.arange(D, dtype=np.float32)[None] % 2, np.full((1, D), a, np.float32), np.ones(1, np.float32)
    log_p, backward = observation_of("denoising, bernoulli").bernoulli(x, logits, True)
    assert log_p[0] == pytest.approx(12 * math.log(0.13 * 0.87), rel=1e-5)
    np.testing.assert_allclose(backward(one)[0], 0, atol=1e-6)
    log_p, backward = ones_log_prob(np.array([[1]], np.float32), logits[:, :4].T[:, None])
    assert log_p[0] == pytest.approx(math.log(4) - (abs(a) if a < 0 else 3 * a), rel=1e-5)
    np.testing.assert_allclose(backward(one), 0.25 - expit(a), rtol=1e-5, atol=1e-6)


# ---- The densities are right ----


def bits_of(n):
    """All rows of n bits.   (2^n, n)"""
    return np.array(list(itertools.product([0.0, 1.0], repeat=n)))


@KINDS
def test_with_all_pixels_seen_it_is_the_decoder(kind):
    _, theta, _, z, weights = case(f"inpainting, {kind}", Draw())
    x = Draw(seed=1).bits(M, D)
    decoder = decoder_of(kind)
    values, gradients = [], []
    for model in (decoder, Inpainting(decoder, np.ones(D, bool))):
        log_p, backward = model.log_prob(theta, x, z)
        values.append(log_p)
        gradients.append(backward(weights))
    np.testing.assert_allclose(*values, rtol=1e-14)  # pixels that were taken out are added in another order
    np.testing.assert_array_equal(*gradients)


def test_what_is_not_seen_is_summed_out():
    """p(seen|z) is the sum of p(x|z) over all bits that are missing."""
    decoder, seen = decoder_of("bernoulli", 5), np.array([True, False, True, True, False])
    draw = Draw()
    theta, z, x = draw.params(decoder.shapes), draw.normal(1, J), draw.bits(1, 5)
    x = np.repeat(x, 4, axis=0)
    observation = Inpainting(decoder, seen)
    log_p, _ = observation.log_prob(theta, observation.observe(x[:1], stream("data", 0)), z)
    x[:, ~seen] = bits_of(2)
    log_px, _ = decoder.log_prob(theta, x, np.repeat(z, 4, axis=0))
    assert np.exp(log_px).sum() == pytest.approx(math.exp(log_p[0]), rel=1e-12)


def test_flipped_bits_are_summed_over_what_they_may_have_been():
    """p(noisy|z) = sum_x p(noisy|x) p(x|z) for all rows of five bits, with p(noisy|x) = r^flips (1 - r)^others."""
    decoder, r = decoder_of("bernoulli", 5), 0.13
    draw, x = Draw(), bits_of(5)
    theta, z = draw.params(decoder.shapes), np.repeat(draw.normal(1, J), 32, axis=0)
    log_px, _ = decoder.log_prob(theta, x, z)
    flips = np.abs(x[:, None] - x).sum(axis=2)  # (noisy, clean)
    expected = (r**flips * (1 - r) ** (5 - flips)) @ np.exp(log_px)
    log_p, _ = Denoising(decoder, r).log_prob(theta, x, z)
    np.testing.assert_allclose(np.exp(log_p), expected, rtol=1e-12)
    assert np.exp(log_p).sum() == pytest.approx(1, rel=1e-12)


def test_noise_is_convolved_with_the_decoders_gaussian():
    """p(noisy|z) = int N(noisy; x, s^2) N(x; mu, sigma^2) dx, pixel by pixel, by the rectangle rule."""
    observation, theta, observed, z, _ = case("denoising, gaussian", Draw())
    (mu, log_var), _ = observation.decoder.forward(theta, z)
    mu, sigma, noisy = (array[..., None] for array in (mu, np.exp(log_var / 2), observed))
    t = np.linspace(-12, 12, 2001)  # x = mu + sigma t
    density = norm.pdf(noisy, mu + sigma * t, NOISE["gaussian"]) * norm.pdf(t)
    expected = np.log(density.sum(axis=2) * (t[1] - t[0])).sum(axis=1)
    np.testing.assert_allclose(observation.log_prob(theta, observed, z)[0], expected, rtol=1e-10)


def block_means():
    """The matrix that takes an image to the means of its blocks, one pixel at a time.   (D, 6)"""
    A = np.zeros((D, 6))
    for i, j in np.ndindex(*SHAPE):
        A[6 * i + j, 3 * (i // 2) + j // 2] = 1 / 4
    return A


def test_block_means_of_gaussians_are_gaussian():
    """They are A'x, and so N(A'mu, A' diag(sigma^2) A)."""
    observation, theta, observed, z, _ = case("super-resolution, gaussian", Draw())
    (mu, log_var), _ = observation.decoder.forward(theta, z)
    A = block_means()
    expected = [
        multivariate_normal(m @ A, A.T @ np.diag(np.exp(s)) @ A).logpdf(o) for m, s, o in zip(mu, log_var, observed)
    ]
    np.testing.assert_allclose(observation.log_prob(theta, observed, z)[0], expected, rtol=1e-12)


def test_block_means_of_bits_are_summed_over_the_bits():
    """p(means|z) is the sum of p(x|z) over all images with these means: here, over two blocks of four bits each."""
    decoder, draw, x = decoder_of("bernoulli", 8), Draw(), bits_of(8)
    theta, z = draw.params(decoder.shapes), np.repeat(draw.normal(1, J), 256, axis=0)
    log_px, _ = decoder.log_prob(theta, x, z)
    observation = SuperResolution(decoder, (2, 4), 2)
    means = observation.view(x)
    same = (means[:, None] == means).all(axis=2)
    log_p, _ = observation.log_prob(theta, means, z)
    np.testing.assert_allclose(np.exp(log_p), same @ np.exp(log_px), rtol=1e-12)


def test_the_number_of_ones_among_equal_bits_is_binomial():
    logits = np.full((16, 17, 1), 0.3)
    log_p, _ = ones_log_prob(np.arange(17.0)[:, None], logits)
    np.testing.assert_allclose(log_p, binom.logpmf(np.arange(17), 16, expit(0.3)), rtol=1e-12)


def test_the_number_of_ones_of_one_grey_pixel_is_its_cross_entropy():
    """Blocks of one pixel are what the decoder sees, and between whole numbers it is interpolated."""
    _, theta, _, z, weights = case("super-resolution, bernoulli", Draw())
    grey = expit(Draw(seed=1).normal(M, D))
    decoder = decoder_of("bernoulli")
    for model in (decoder, SuperResolution(decoder, SHAPE, 1)):
        log_p, backward = model.log_prob(theta, grey, z)
        dz = backward(weights)
        if model is decoder:
            expected = log_p, dz
    np.testing.assert_allclose(log_p, expected[0], rtol=1e-12)
    np.testing.assert_allclose(dz, expected[1], rtol=1e-12)


# ---- What happens to images is what the densities say ----


@EVERY
def test_fill_gives_images_of_which_the_same_would_be_seen(name):
    observation, _, observed, *_ = case(name, Draw())
    x = observation.fill(observed, np.full(D, 0.25))
    assert x.shape == (M, D)
    np.testing.assert_allclose(observation.view(x), observed)


def test_where_nothing_was_seen_the_mean_image_is_filled_in():
    observation, _, observed, *_ = case("inpainting, gaussian", Draw())
    mean_image = np.arange(D) / D
    x = observation.fill(observed, mean_image)
    np.testing.assert_array_equal(x[:, ~SEEN], np.tile(mean_image[~SEEN], (M, 1)))
    np.testing.assert_array_equal(observation.missing, ~SEEN)


def test_block_means_are_those_of_the_picture():
    x = Draw().normal(M, D)
    np.testing.assert_allclose(observation_of("super-resolution, gaussian").view(x), x @ block_means())


@KINDS
def test_noise_is_as_strong_as_it_says(kind):
    n, x = 4000, np.tile(np.arange(D) % 2.0, (4000, 1))
    off = Denoising(decoder_of(kind), NOISE[kind]).observe(x, stream("data", 0)) - x
    if kind == "bernoulli":
        assert set(np.unique(off)) == {-1, 0, 1}
        share, error = (off != 0).mean(axis=0), math.sqrt(0.13 * 0.87 / n)
        assert np.abs(share - 0.13).max() < 4 * error
    else:
        assert abs(off.mean()) < 4 * 0.7 / math.sqrt(n * D)
        assert off.var() == pytest.approx(0.49, abs=4 * 0.49 * math.sqrt(2 / (n * D)))


@pytest.mark.parametrize(
    "side, pixels",
    [("top", [0, 1, 2]), ("bottom", [3, 4, 5, 6, 7, 8]), ("left", [0, 3, 6]), ("right", [1, 2, 4, 5, 7, 8])],
)
def test_halves(side, pixels):
    assert np.flatnonzero(half(side, (3, 3))).tolist() == pixels


@EVERY
def test_the_nearest_image_is_the_one_that_was_seen(name):
    observation = observation_of(name)
    x = Draw(seed=2).bits(40, D)
    some = np.array([31, 4, 17])
    np.testing.assert_array_equal(nearest(observation, observation.view(x[some]), x), some)
    other = observation.view(x[some]) + 0.3  # whichever is nearest now, by the definition
    distance = ((other[:, None] - observation.view(x)) ** 2).sum(axis=2)
    np.testing.assert_array_equal(nearest(observation, other, x), distance.argmin(axis=1))


# ---- What is inferred is true ----


class Linear(LinearGaussian):
    """The oracle with `forward` and `mean`: all pixels have one variance."""

    def forward(self, p, z):
        mu = z @ p.W + p.b

        def backward(dmu, dlog_var, inputs=True, parameters=True):
            return dmu @ p.W.T

        return (mu, np.full_like(mu, self.log_var)), backward

    def mean(self, p, z):
        return self.forward(p, z)[0][0]


def linear_case(task):
    """A linear decoder of 24 pixels, what was observed of five images, and A, N with observed = A'x + N(0, N)."""
    decoder, draw = Linear(J, D, 0.5), Draw()
    theta = draw.params(decoder.shapes)
    observation, A, noise = {
        "inpainting": (Inpainting(decoder, SEEN), np.eye(D)[:, SEEN], 0),
        "denoising": (Denoising(decoder, 0.7), np.eye(D), 0.49),
        "super-resolution": (SuperResolution(decoder, SHAPE, 2), block_means(), 0),
    }[task]
    rng = stream("data", 0)
    x = draw.normal(M, J) @ theta.W + theta.b + math.sqrt(0.5) * draw.normal(M, D)
    return observation, theta, observation.observe(x, rng), A, noise


@pytest.mark.parametrize("task", TASKS)
def test_of_a_linear_decoder_all_is_known(task):
    """z|observed is Gaussian, and so are the images: means and variances to within 4 standard errors."""
    observation, theta, observed, A, noise = linear_case(task)
    V = theta.W @ A  # observed = z V + b A + N(0, R)
    R = 0.5 * A.T @ A + noise * np.eye(A.shape[1])
    C = np.linalg.inv(np.eye(J) + V @ np.linalg.solve(R, V.T))
    z_mean = (observed - theta.b @ A) @ np.linalg.solve(R, V.T) @ C
    chains = 100  # of each image: independent, so that errors are known
    z = stream("init", 0).standard_normal((chains * M, J))
    done = complete(observation, theta, np.tile(observed, (chains, 1)), z, stream("hmc", 0), S=5, burn_in=50, L=1)
    draws = done.z[0].reshape(chains, M, J)
    assert np.abs((draws.mean(axis=0) - z_mean) / np.sqrt(np.diag(C) / chains)).max() < 4

    done = complete(observation, theta, observed, z_mean, stream("hmc", 1), S=6, burn_in=100, L=1000)
    mean, variance = z_mean @ theta.W + theta.b, np.einsum("jd,jk,kd->d", theta.W, C, theta.W)
    worth = 300  # independent draws at least
    assert np.abs((done.mean - mean) / np.sqrt(variance / worth)).max() < 4
    np.testing.assert_allclose(done.spread**2, np.tile(variance, (M, 1)), rtol=4 * math.sqrt(2 / worth))


@EVERY
def test_the_intervals_are_calibrated(name):
    """Of images drawn from a model the true z lies in the 90 % interval in 90 % of cases."""
    rows, draw = 300, Draw(seed=3)
    observation = observation_of(name)
    theta = draw.params(observation.decoder.shapes)
    z, rng = draw.normal(rows, J), stream("data", 3)
    observed = observation.observe(observation.decoder.sample(theta, z, rng), rng)
    start = stream("init", 3).standard_normal((rows, J))
    done = complete(observation, theta, observed, start, stream("hmc", 3), S=5, burn_in=100, L=100)
    low, high = done.interval(0.9)
    share = ((low < z) & (z < high)).mean(axis=0)
    assert np.abs(share - 0.9).max() < 4 * math.sqrt(0.9 * 0.1 / rows)


def test_a_chain_does_not_forget_what_was_seen():
    """In a model with one bright pixel for each sign of z, the seen pixel decides about the missing one."""
    decoder = BernoulliMLP(1, 1, 2)
    theta = Params(decoder.shapes)
    theta.hidden.W[...], theta.logits.W[...] = 5, [[8, -8]]
    observation = Inpainting(decoder, np.array([True, False]))
    done = complete(observation, theta, np.array([[1.0], [0.0]]), np.zeros((2, 1)), stream("hmc", 0))
    assert done.mean[0, 1] < 0.1 and done.mean[1, 1] > 0.9


def test_mean_and_spread_are_over_the_draws():
    decoder, draw = decoder_of("bernoulli"), Draw(np.float32)
    theta, z = draw.params(decoder.shapes), draw.normal(11, M, J)
    images = np.array([decoder.mean(theta, one) for one in z], np.float64)
    mean, spread = decoded(decoder, theta, z)
    np.testing.assert_allclose(mean, images.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(spread, images.std(axis=0), rtol=1e-6)
    assert (decoded(decoder, theta, np.repeat(z[:1], 7, axis=0))[1] < 1e-7).all()


def test_the_interval_holds_one_more_draw_as_often_as_it_says():
    """Of 20 numbers in any order, 19 as draws and one as truth: the truth is inside for 18 of the 20."""
    numbers = np.arange(20.0)
    inside = 0
    for k in range(20):
        z = np.delete(numbers, k)[:, None, None]
        low, high = Completion(z[0], z[0], z, z[0]).interval(0.9)[:, 0, 0]
        inside += low <= numbers[k] <= high
    assert inside == 18


@EVERY
def test_float32_stays_float32_and_nothing_is_written_to(name):
    draw = Draw(np.float32, writeable=False)
    observation, theta, observed, z, _ = case(name, draw)
    observed.flags.writeable = theta.grad.flags.writeable = False
    assert observed.dtype == observation.fill(observed, np.zeros(D)).dtype == np.float32
    log_p, gradient = posterior(observation, theta, observed)(z)
    done = complete(observation, theta, observed, z, stream("hmc", 0), S=2, burn_in=2, L=3)
    for array in (log_p, gradient, done.mean, done.spread, done.z):
        assert array.dtype == np.float32
    assert done.z.shape == (3, M, J) and done.mean.shape == done.spread.shape == (M, D)
    assert not theta.grad.any()


# ---- What is not allowed ----


@pytest.mark.parametrize(
    "wrong, words",
    [
        (lambda: Inpainting(decoder_of("bernoulli"), np.ones(D)), "each of 24 pixels .* array of float64"),
        (lambda: Inpainting(decoder_of("bernoulli"), np.ones(3, bool)), r"shape \(3,\)"),
        (lambda: Denoising(decoder_of("bernoulli"), 0), "above 0 and below 0.5, .* got 0"),
        (lambda: Denoising(decoder_of("bernoulli"), 0.5), "got 0.5"),
        (lambda: Denoising(decoder_of("bernoulli"), math.nan), "got nan"),
        (lambda: Denoising(decoder_of("gaussian"), 0), "above 0 and finite; got 0"),
        (lambda: Denoising(decoder_of("gaussian"), math.inf), "got inf"),
        (lambda: SuperResolution(decoder_of("gaussian"), SHAPE, 4), "do not fit into images of 4 x 6; those of 2 do"),
        (lambda: SuperResolution(decoder_of("gaussian"), SHAPE, 0), "0 x 0 do not fit"),
        (lambda: SuperResolution(decoder_of("gaussian", 15), (3, 5), 2), "none do, but single pixels"),
        (lambda: SuperResolution(decoder_of("gaussian"), (5, 5), 5), "24 pixels, which are no image of 5 x 5"),
        (lambda: half("middle", SHAPE), "top, bottom, left, right; got 'middle'"),
        (lambda: observation_of("denoising, bernoulli").observe(np.full((1, D), 0.3), None), "only bits"),
        (lambda: Completion(None, None, np.zeros((3, 2, 1)), None).interval(90), "between 0 and 1; got 90"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_named(wrong, words):
    with pytest.raises(ValueError, match=words):
        wrong()


def test_whole_images_are_no_observation():
    observation, theta, _, z, _ = case("inpainting, bernoulli", Draw())
    with pytest.raises(ValueError, match=r"16 numbers are observed .* shape \(5, 24\) and \(5, 2\)"):
        complete(observation, theta, np.zeros((M, D)), z, stream("hmc", 0))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("number", [np.nan, np.inf, 200.0])
def test_numbers_that_nobody_can_have_observed(name, number):
    observation, theta, observed, z, _ = case(name, Draw())
    observed = observed.copy()
    observed[0, 0] = number
    if observation.bits or not np.isfinite(number):
        with pytest.raises(ValueError, match="what is observed is finite.*; 1 of the numbers are not"):
            complete(observation, theta, observed, z, stream("hmc", 0))


def test_a_description_says_the_numbers():
    words = " ".join(observation_of(name).describe() for name in NAMES)
    for number in ("8 of 24", "r = 0.13", "s = 0.7", "2 x 2", "n = 4"):
        assert number in words
