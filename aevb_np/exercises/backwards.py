"""E4 to E6: the backward of one function each, against measured gradients."""

import copy
from functools import partial

import numpy as np

from aevb_np import distributions, layers, written_out
from aevb_np.exercises.exercise import Exercise, Slip
from aevb_np.exercises.report import GRADIENT, SHAPE
from aevb_np.exercises.trial import agree, both, measured, parameters_kept, passed, run, started, stop
from aevb_np.params import Params

# E4


def layer(sizes, rng):
    """An affine layer from J numbers to D."""
    M, I, K = sizes.M, sizes.J, sizes.D
    shapes = {"x": (M, I), "W": (I, K), "b": (K,), "dy": (M, K)}
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


def constants(sizes):
    """What the sizes are called in E4: the indices m, i and k of its sum run to M, I and K."""
    return {"M": sizes.M, "I": sizes.J, "K": sizes.D}


def as_function(affine, start=0.0):
    """affine(p, x) as a function of x, W and b that gives the three gradients."""

    def function(x, W, b):
        p = Params({"W": W.shape, "b": b.shape})
        p.W[...], p.b[...], p.grad[:] = W, b, start
        before = copy.deepcopy(p)
        y, backward = both(affine, (p, x), "affine")

        def all_gradients(dy):
            dx = run(backward, dy, place="the backward of affine")
            started(p, start, "p.", "the backward of affine")
            if dx is None:
                text = "the backward of affine returns nothing yet; it should return dx"
                stop(SHAPE, "the backward of affine", "nothing comes back", text)
            parameters_kept(p, before, "p.", "the backward of affine")
            return dx, p.dW.copy(), p.db.copy()

        return y, all_gradients

    return function


def affine_passed(functions, given, start=0.0):
    """Once there and back."""
    arguments = {name: given[name] for name in ("x", "W", "b")}
    return passed(as_function(functions[0], start), arguments, given["dy"], "affine")


def affine_value(functions, given, sizes, seed):
    """y = x W + b, and the shapes of the gradients."""
    y, _ = affine_passed(functions, given)
    text = "y = x W + b was given with the exercise; leave it as it was"
    agree(y, given["x"] @ given["W"] + given["b"], "y", text, constants(sizes))


def affine_measured(functions, given, sizes, seed):
    """dx, dW and db."""
    arguments = {name: given[name] for name in ("b", "W", "x")}

    def turned(affine):
        def function(b, W, x):
            y, backward = as_function(affine)(x, W, b)
            return y, lambda dy: backward(dy)[::-1]

        return function

    measured(turned(functions[0]), turned(layers.affine), arguments, given["dy"], "affine", constants(sizes))


def affine_adds(functions, given, sizes, seed):
    """What lies in the twins stays there."""
    _, once = affine_passed(functions, given)
    _, later = affine_passed(functions, given, start=0.5)
    for name in ("W", "b"):
        text = f"d{name} held 0.5 everywhere before; a backward adds to it, it does not write over it"
        agree(later[name], once[name] + 0.5, f"d{name}", text, constants(sizes), GRADIENT)


E4 = Exercise(
    "E4",
    "the backward of an affine layer",
    "the layers of eq. (11) and (12)",
    1,
    15,
    ("affine",),
    (written_out.affine,),
    layer,
    (
        ("once there and back: the value, and all shapes", affine_value),
        ("db, dW and dx against measured gradients", affine_measured),
        ("dW and db are added to, not written over", affine_adds),
    ),
    lambda functions, given, sizes: {
        "zero": lambda: affine_passed(functions, given)[1],
        "half": lambda: affine_passed(functions, given, 0.5)[1],
    },
    (
        "Every y_mk = sum_i x_mi W_ik + b_k. Ask of each x_mi, W_ik and b_k which y it touches, and add up what comes "
        "back from these; then see that the shapes can fit in one way only.",
        "dL/dW_ik = sum_m x_mi dy_mk,  dL/db_k = sum_m dy_mk,  dL/dx_mi = sum_k dy_mk W_ik.",
        "p.dW += (I, M) @ (M, K);  p.db += a sum of dy over the rows;  return (M, K) @ (K, I).",
    ),
    (
        Slip("db is a mean over the rows where a sum belongs", "p.db += dy.sum(axis=0)", "p.db += dy.mean(axis=0)"),
        Slip("db is the sum over everything: one number for all outputs", "p.db += dy.sum(axis=0)", "p.db += dy.sum()"),
        Slip("db takes the first row only", "p.db += dy.sum(axis=0)", "p.db += dy[0]"),
        Slip("dW is divided by the number of rows", "p.dW += x.T @ dy", "p.dW += x.T @ dy / len(x)"),
        Slip(
            "dW has the right shape by a reshape; a transpose belongs there",
            "p.dW += x.T @ dy",
            "p.dW += (dy.T @ x).reshape(p.W.shape)",
        ),
        Slip(
            "dx goes back through a reshaped W; a transpose belongs there",
            "dy @ p.W.T",
            "dy @ p.W.reshape(p.W.T.shape)",
        ),
        Slip("dW is written over; a backward adds to what is there", "p.dW += x.T @ dy", "p.dW[...] = x.T @ dy"),
        Slip("dx goes back through W, which does not fit; its transpose does", "dy @ p.W.T", "dy @ p.W"),
    ),
)


# E5


def activations(sizes, rng):
    """Hidden units and pixels, with gradients that come back to them."""
    return {
        "a": rng.standard_normal((sizes.M, sizes.H)),
        "dh": rng.standard_normal((sizes.M, sizes.H)),
        "x": rng.random((sizes.M, sizes.D)),
        "logits": rng.standard_normal((sizes.M, sizes.D)),
        "dlog_p": rng.standard_normal(sizes.M),
    }


def tanh_passed(functions, given):
    """Once there and back."""
    return passed(functions[0], {"a": given["a"]}, given["dh"], "tanh")


def bits_passed(functions, given):
    """Once there and back; x is data."""
    arguments = {"x": given["x"], "logits": given["logits"]}
    return passed(functions[1], arguments, given["dlog_p"], "bernoulli_log_prob", ["logits"])


def tanh_slope(functions, given, sizes, seed):
    """One unit at a time."""
    for a, right in ((0.0, 1.0), (np.arctanh(0.5), 0.75), (np.arctanh(-0.8), 0.36)):
        one = {"a": np.array([[a]])}
        _, slope = passed(functions[0], one, np.ones((1, 1)), "tanh")
        text = f"the slope of tanh where h = {np.tanh(a):g} is {right:g}"
        agree(slope["a"], right, "da of one unit", text, {}, GRADIENT, one | {"dh": np.ones((1, 1))})


def tanh_measured(functions, given, sizes, seed):
    """Value and gradient."""
    y, _ = tanh_passed(functions, given)
    agree(y, np.tanh(given["a"]), "h", "h = tanh(a) was given; leave it as it was", sizes._asdict())
    measured(functions[0], layers.tanh, {"a": given["a"]}, given["dh"], "tanh", sizes._asdict())


def bits_slope(functions, given, sizes, seed):
    """One pixel at a time."""
    for x, a, right in ((1.0, 0.0, 0.5), (0.0, 0.0, -0.5), (1.0, np.log(3.0), 0.25), (0.25, np.log(3.0), -0.5)):
        arguments = {"x": np.array([[x]]), "logits": np.array([[a]])}
        _, slope = passed(functions[1], arguments, np.ones(1), "bernoulli_log_prob", ["logits"])
        text = f"for one pixel x = {x:g} with y = {1 / (1 + np.exp(-a)):g} the slope is {right:g}"
        shown = arguments | {"dlog_p": np.ones((1, 1))}
        agree(slope["logits"], right, "dlogits of one pixel", text, {}, GRADIENT, shown)


def bits_measured(functions, given, sizes, seed):
    """Value and gradient."""
    y, _ = bits_passed(functions, given)
    right, _ = distributions.bernoulli_log_prob(given["x"], given["logits"])
    agree(y, right, "log p(x)", "the value was given with the exercise; leave it as it was", sizes._asdict())
    function = partial(functions[1], given["x"].copy())
    package, logits = partial(distributions.bernoulli_log_prob, given["x"]), {"logits": given["logits"]}
    measured(function, package, logits, given["dlog_p"], "bernoulli_log_prob", sizes._asdict())


E5 = Exercise(
    "E5",
    "the backwards of tanh and of log p(x|z) from logits",
    "eq. (11)",
    1,
    10,
    ("tanh", "bernoulli_log_prob"),
    (layers.tanh, written_out.bernoulli_log_prob),
    activations,
    (
        ("tanh: the slope of one unit", tanh_slope),
        ("tanh: da against the measured gradient", tanh_measured),
        ("bernoulli_log_prob: the slope of one pixel", bits_slope),
        ("bernoulli_log_prob: dlogits against the measured gradient", bits_measured),
    ),
    lambda functions, given, sizes: {
        "tanh": lambda: tanh_passed(functions, given)[1],
        "bits": lambda: bits_passed(functions, given)[1],
    },
    (
        "Both act on every entry by itself, so the backward multiplies what comes back by a slope, entry by "
        "entry. Both "
        "slopes are shortest in terms of what the forward pass has already: h, and y.",
        "d tanh(a) / da = 1 - tanh(a)^2.   d (x a - softplus(a)) / da = x - y,  y = sigmoid(a): the slope of "
        "the sigmoid "
        "cancels, and with it all trouble with saturated pixels.",
        "dh * (1 - ...);   dlog_p[:, None] * (... - sigmoid(...)): one number came back for each row, so it "
        "needs a second axis.",
    ),
    (
        Slip("the slope of tanh is 1 - h^2; the square is lost", "(1 - h**2)", "(1 - h)"),
        Slip("the slope of tanh is 1 - h^2 with h after the tanh; this takes a", "(1 - h**2)", "(1 - a**2)"),
        Slip("the tanh is taken twice: h is tanh(a) already", "(1 - h**2)", "(1 - np.tanh(h) ** 2)"),
        Slip("h (1 - h) is the slope of a sigmoid, not of tanh", "(1 - h**2)", "h * (1 - h)"),
        Slip("what comes back, dh, is left out", "return dh * (1 - h**2)", "return (1 - h**2)"),
        Slip("y - x: the sign is that of a loss", "(x - sigmoid(logits))", "(sigmoid(logits) - x)", 1),
        Slip("the logits stand where the probabilities belong", "(x - sigmoid(logits))", "(x - logits)", 1),
        Slip(
            "an extra y (1 - y): from the logits the slope of the sigmoid has cancelled",
            "(x - sigmoid(logits))",
            "(x - sigmoid(logits)) * sigmoid(logits) * (1 - sigmoid(logits))",
            1,
        ),
        Slip("what comes back, dlog_p, is left out", "return dlog_p[:, None] * (x", "return (x", 1),
    ),
)


# E6


def codes(sizes, rng):
    """Means and log-variances, with a gradient for each row."""
    return {
        "mu": rng.standard_normal((sizes.M, sizes.J)),
        "log_var": 0.7 * rng.standard_normal((sizes.M, sizes.J)),
        "dkl": rng.standard_normal(sizes.M),
    }


def kl_passed(functions, given):
    """Once there and back."""
    arguments = {"mu": given["mu"], "log_var": given["log_var"]}
    return passed(functions[0], arguments, given["dkl"], "gaussian_kl")


def kl_value(functions, given, sizes, seed):
    """The value, and the shapes of the gradients."""
    y, _ = kl_passed(functions, given)
    right, _ = distributions.gaussian_kl(given["mu"], given["log_var"])
    agree(y, right, "the KL", "the value was given with the exercise; leave it as it was", sizes._asdict())


def kl_minimum(functions, given, sizes, seed):
    """Where q is the prior the KL has its minimum."""
    zeros = {name: np.zeros((sizes.M, sizes.J)) for name in ("mu", "log_var")}
    _, gradients = passed(functions[0], zeros, given["dkl"], "gaussian_kl")
    there = zeros | {"dkl": np.broadcast_to(given["dkl"][:, None], zeros["mu"].shape)}
    for name, gradient in gradients.items():
        text = f"where q is the prior the KL has its minimum, so d{name} is 0 there"
        agree(gradient, 0.0, f"d{name} at (0, 0)", text, sizes._asdict(), GRADIENT, there)


def kl_measured(functions, given, sizes, seed):
    """dmu and dlog_var."""
    arguments = {"mu": given["mu"], "log_var": given["log_var"]}
    measured(functions[0], distributions.gaussian_kl, arguments, given["dkl"], "gaussian_kl", sizes._asdict())


E6 = Exercise(
    "E6",
    "the backward of the KL",
    "Appendix B",
    1,
    10,
    ("gaussian_kl",),
    (distributions.gaussian_kl,),
    codes,
    (
        ("once there and back: the value, and all shapes", kl_value),
        ("0 where q is the prior", kl_minimum),
        ("dmu and dlog_var against measured gradients", kl_measured),
    ),
    lambda functions, given, sizes: {"gradients": lambda: kl_passed(functions, given)[1]},
    (
        "The KL is a sum over j of a function of mu_j and log sigma_j^2: two ordinary derivatives, with log "
        "sigma^2 and "
        "not sigma as the variable. Where q is the prior both must be 0.",
        "dKL/dmu_j = mu_j,   dKL/dlog sigma_j^2 = (sigma_j^2 - 1) / 2,   each times what comes back for its row.",
        "d = dkl[:, None];  return d * ..., 0.5 * d * (... - 1)",
    ),
    (
        Slip("the sign of mu's gradient: the KL grows when mu leaves 0", "return d * mu,", "return -d * mu,"),
        Slip(
            "mu's gradient is doubled: the 1/2 of the KL cancels against the 2 of the square",
            "return d * mu,",
            "return 2 * d * mu,",
        ),
        Slip("the 1/2 of log sigma^2's gradient is missing", "0.5 * d * (var - 1)", "d * (var - 1)"),
        Slip("the 1 is missing, the derivative of -log sigma^2", "0.5 * d * (var - 1)", "0.5 * d * var"),
        Slip("sigma where sigma^2 belongs", "0.5 * d * (var - 1)", "0.5 * d * (np.sqrt(var) - 1)"),
        Slip(
            "this is the derivative in sigma, sigma - 1 / sigma; log sigma^2 is asked for",
            "0.5 * d * (var - 1)",
            "d * (np.sqrt(var) - 1 / np.sqrt(var))",
        ),
        Slip(
            "this is the derivative in sigma^2, (1 - 1 / sigma^2) / 2; log sigma^2 is asked for",
            "0.5 * d * (var - 1)",
            "0.5 * d * (1 - 1 / var)",
        ),
        Slip("the 1/2 belongs to both terms, to the 1 as well", "0.5 * d * (var - 1)", "d * (0.5 * var - 1)"),
        Slip("what comes back, dkl, is left out", "d = dkl[:, None]", "d = 1.0"),
        Slip("what comes back, dkl, is left out of mu's gradient", "return d * mu,", "return mu,"),
        Slip(
            "what comes back, dkl, is left out of log sigma^2's gradient", "0.5 * d * (var - 1)", "0.5 * (var - 1)"
        ),
        Slip("dkl is summed over the rows; each row has its own, dkl[:, None]", "d = dkl[:, None]", "d = dkl.sum()"),
    ),
)
