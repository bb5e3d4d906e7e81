"""E1 to E3: values, without a gradient yet."""

import math

import numpy as np

from aevb_np import distributions, reparameterization, written_out
from aevb_np.checks.facts import DRAWS, TOO_FAR, check_sampler, distance
from aevb_np.exercises.exercise import Exercise, Slip
from aevb_np.exercises.likeness import spoken
from aevb_np.exercises.report import CODE, VALUE
from aevb_np.exercises.trial import agree, stop, value
from aevb_np.reparameterization import repeat


def rows_alone(functions, given, sizes, seed):
    """The value of one row does not depend on the others."""
    whole = value(functions[0], given, (sizes.M,), "the value")
    for m in (0, sizes.M - 1):
        one = value(functions[0], {name: a[m : m + 1] for name, a in given.items()}, (1,), "the value of one row")
        text = f"row {m} by itself must have the value that it has in the batch"
        agree(one, whole[m], f"row {m} by itself", text, sizes._asdict())


# E1


def pixels(sizes, rng):
    """Grey values and moderate logits, rounded so that what is shown of them is what they are."""
    shape = sizes.M, sizes.D
    return {"x": rng.random(shape).round(2), "logits": rng.standard_normal(shape).round(2)}


def like_naive(functions, given, sizes, seed):
    """Where nothing overflows the formula can be written as it stands."""
    x, y = given["x"], 1 / (1 + np.exp(-given["logits"]))
    right = (x * np.log(y) + (1 - x) * np.log(1 - y)).sum(axis=1)
    yours = value(functions[0], given, (sizes.M,), "log p(x)")
    text = "for moderate logits it is sum_i x_i log y_i + (1 - x_i) log(1 - y_i)"
    agree(yours, right, "log p(x) for moderate logits", text, sizes._asdict(), inputs=given)


def zero_logits(functions, given, sizes, seed):
    """All probabilities are 1/2."""
    there = given | {"logits": np.zeros_like(given["x"])}
    yours = value(functions[0], there, (sizes.M,), "log p(x)")
    text = "with all logits zero every pixel costs log 2, whatever it is: -D log 2"
    agree(yours, -sizes.D * math.log(2), "log p(x) at logits 0", text, sizes._asdict(), inputs=there)


def saturated(functions, given, sizes, seed):
    """Certain and right costs nothing, certain and wrong costs |a|."""
    x = (given["x"] < 0.5).astype(float)
    for logits, right, text in (
        (1000 - 2000 * x, -1000.0 * sizes.D, "certain and wrong (x = 0, a = 1000 and x = 1, a = -1000) costs |a|"),
        (2000 * x - 1000, 0.0, "certain and right (x = 1, a = 1000 and x = 0, a = -1000) is worth 0"),
    ):
        there = {"x": x, "logits": logits}
        yours = value(functions[0], there, (sizes.M,), "log p(x)")
        agree(yours, right, "log p(x) at logits of +-1000", text, sizes._asdict(), inputs=there)


def pixel_probes(functions, given, sizes):
    """Moderate and extreme logits."""
    return {
        str(scale): lambda c=scale: value(functions[0], given | {"logits": c * given["logits"]}, (sizes.M,), "log p(x)")
        for scale in (1, 1000)
    }


E1 = Exercise(
    "E1",
    "log p(x|z) of bits, without overflow",
    "eq. (11)",
    1,
    10,
    ("bernoulli_log_prob",),
    (written_out.bernoulli_log_prob,),
    pixels,
    (
        ("moderate logits: the formula as it stands", like_naive),
        ("all logits 0: -D log 2", zero_logits),
        ("logits of +-1000: finite, and the right limits", saturated),
        ("every row by itself", rows_alone),
    ),
    pixel_probes,
    (
        "exp(1000) overflows and log(0) is infinite, but log y and log(1 - y) themselves are harmless numbers: "
        "bring log p(x) into a form in which neither y nor 1 - y is formed. Which of exp(a) and exp(-a) is small?",
        "With y = 1 / (1 + exp(-a)):  x log y + (1 - x) log(1 - y) = x a - softplus(a),  softplus(a) = log(1 + exp(a)) "
        "= max(a, 0) + log(1 + exp(-|a|)).",
        "One product and one function of the logits alone, subtracted, then .sum over the pixels: "
        "(... * logits - ...(logits)).sum(axis=...). aevb_np.numerics has a softplus; or write m = np.maximum(a, 0).",
    ),
    (
        Slip("a mean over the pixels where eq. (11) has a sum: a factor of D", ".sum(axis=1)", ".mean(axis=1)"),
        Slip("a sum over the rows, or over everything: one number per row is wanted, axis=1", ".sum(axis=1)", ".sum()"),
        Slip(
            "log(1 + exp(a)) overflows at a = 1000: take the larger of a and 0 out of the logarithm",
            "softplus(logits)",
            "np.log(1 + np.exp(logits))",
        ),
        Slip(
            "probabilities clipped away from 0 and 1: finite, but a certain and wrong pixel must cost |a|",
            "(x * logits - softplus(logits))",
            "(x * np.log(np.clip(sigmoid(logits), 1e-7, 1 - 1e-7))"
            " + (1 - x) * np.log(1 - np.clip(sigmoid(logits), 1e-7, 1 - 1e-7)))",
        ),
        Slip(
            "the sign of a loss: log p(x) is never above 0",
            "x * logits - softplus",
            "softplus(logits) - x * logits - 0 * softplus",
        ),
        Slip("the term of the zeros, (1 - x) log(1 - y), is left out", "- softplus(logits)", "- x * softplus(logits)"),
        Slip(
            "the sigmoid is taken twice: these are logits already",
            "(x * logits - softplus(logits))",
            "(x * sigmoid(logits) - softplus(sigmoid(logits)))",
        ),
    ),
    value_only=True,
)


# E2


def codes(sizes, rng):
    """Means and log-variances, rounded so that what is shown of them is what they are."""
    mu, log_var = rng.standard_normal((2, sizes.M, sizes.J))
    return {"mu": mu.round(2), "log_var": (0.7 * log_var).round(2)}


def kl_at_prior(functions, given, sizes, seed):
    """q is the prior."""
    zeros = {name: np.zeros_like(a) for name, a in given.items()}
    text = "at mu = 0, log sigma^2 = 0 q is the prior itself, and the KL is 0"
    yours = value(functions[0], zeros, (sizes.M,), "the KL")
    agree(yours, 0.0, "the KL at (0, 0)", text, sizes._asdict(), inputs=zeros)


def kl_closed(functions, given, sizes, seed):
    """Values that can be had with pencil and paper."""
    J = sizes.J
    for mu, log_var, right, text in (
        (1.0, 0.0, J / 2, "at mu = 1, log sigma^2 = 0 it is J/2"),
        (-2.0, 0.0, 2.0 * J, "at mu = -2, log sigma^2 = 0 it is 2 J"),
        (0.0, 1.0, J * (math.e - 2) / 2, "at mu = 0, log sigma^2 = 1 it is J (e - 2) / 2"),
        (0.0, -1.0, J / math.e / 2, "at mu = 0, log sigma^2 = -1 it is J / (2 e)"),
    ):
        there = {"mu": np.full_like(given["mu"], mu), "log_var": np.full_like(given["mu"], log_var)}
        yours = value(functions[0], there, (sizes.M,), "the KL")
        agree(yours, right, "the KL where it is known", text, sizes._asdict(), inputs=there)


def kl_sampled(functions, given, sizes, seed):
    """E[log q - log p], from samples of q."""
    one = {name: a[:1] for name, a in given.items()}
    yours = value(functions[0], one, (1,), "the KL")
    mu, log_var = (repeat(a, DRAWS) for a in one.values())
    z, _ = reparameterization.gaussian(mu, log_var, np.random.default_rng((seed, 2)).standard_normal(mu.shape))
    log_q, _ = distributions.gaussian_log_prob(z, mu, log_var)
    ratio = log_q - distributions.standard_normal_log_prob(z)[0]
    far = distance(ratio, float(yours[0]))
    if not far < TOO_FAR:
        error = ratio.std() / math.sqrt(DRAWS)
        numbers = f"yours {yours[0]:.3f}, the mean of {DRAWS:,} samples {ratio.mean():.3f} +- {error:.3f}"
        seen = "\n".join([*(f"{name} = {spoken(a[0])}" for name, a in one.items()), numbers])
        text = "the KL is the mean of log q - log p over samples of q"
        stop(VALUE, "the KL against samples", "another number than the mean of log q - log p", text, seen=seen)


def code_probes(functions, given, sizes):
    """At random places."""
    return {"value": lambda: value(functions[0], given, (sizes.M,), "the KL")}


E2 = Exercise(
    "E2",
    "the KL of q(z|x) to the prior",
    "Appendix B",
    1,
    10,
    ("gaussian_kl",),
    (distributions.gaussian_kl,),
    codes,
    (
        ("0 where q is the prior", kl_at_prior),
        ("values that are known in closed form", kl_closed),
        (f"the mean of log q - log p over {DRAWS:,} samples, within {TOO_FAR:g} standard errors", kl_sampled),
        ("every row by itself", rows_alone),
    ),
    code_probes,
    (
        "The KL is E_q[log q(z) - log p(z)]. Both are Gaussian and the latent dimensions are independent: it is a sum "
        "over j of a function of mu_j and sigma_j^2 that is 0 at (0, 1) and nowhere less.",
        "KL = 1/2 sum_j ( mu_j^2 + sigma_j^2 - 1 - log sigma_j^2 ), with sigma_j^2 = exp(log_var_j). The paper "
        "prints -KL.",
        "0.5 * (... + ... - 1 - ...).sum(axis=...): two of the four terms you have as they are, one needs a "
        "square, one np.exp.",
    ),
    (
        Slip("the sign: this is -KL, as the paper prints it; a KL is never below 0", "0.5 * (mu**2", "-0.5 * (mu**2"),
        Slip("the 1/2 is missing", "0.5 * (mu**2", "(mu**2"),
        Slip("the 1 is missing: the KL must be 0 where q is the prior", "+ var - 1 - log_var", "+ var - log_var"),
        Slip(
            "exp(log_var) is sigma^2, not sigma: it was squared again",
            "var = np.exp(log_var)",
            "var = np.exp(2 * log_var)",
        ),
        Slip(
            "the 1 enters once for a row: it belongs to each of the J terms, into the sum",
            "- 1 - log_var).sum(axis=1)",
            "- log_var).sum(axis=1) - 0.5",
        ),
        Slip(
            "log_var is read as log sigma throughout: it holds log sigma^2, so exp(log_var) is sigma^2",
            "(mu**2 + var - 1 - log_var)",
            "(mu**2 + var**2 - 1 - 2 * log_var)",
        ),
        Slip("a mean over the latent dimensions where a sum belongs: a factor of J", ".sum(axis=1)", ".mean(axis=1)"),
        Slip(
            "the other KL, of the prior to q",
            "0.5 * (mu**2 + var - 1 - log_var)",
            "0.5 * ((mu**2 + 1) / var - 1 + log_var)",
        ),
        Slip("mu enters without its square", "0.5 * (mu**2", "0.5 * (mu"),
    ),
    value_only=True,
)


# E3


def codes_and_noise(sizes, rng):
    """Means, log-variances, and a noise for each."""
    return {**codes(sizes, rng), "eps": rng.standard_normal((sizes.M, sizes.J)).round(2)}


def repeatable(functions, given, sizes, seed):
    """Nothing is drawn."""
    first, second = (value(functions[0], given, given["mu"].shape, "z") for _ in range(2))
    if not np.array_equal(first, second, equal_nan=True):
        text = "new noise is drawn, but eps is given, so that a gradient can pass"
        seen = "two calls with the same mu, log_var and eps differ"
        stop(CODE, "z", "the same question does not get the same answer", text, seen=seen)


def no_noise(functions, given, sizes, seed):
    """eps = 0 is the mean."""
    there = given | {"eps": 0 * given["eps"]}
    z = value(functions[0], there, given["mu"].shape, "z")
    agree(z, given["mu"], "z at eps = 0", "with eps = 0 z is mu", sizes._asdict(), inputs=there)


def unit_noise(functions, given, sizes, seed):
    """eps = 1 is one standard deviation up."""
    there = given | {"eps": np.ones_like(given["eps"])}
    z = value(functions[0], there, given["mu"].shape, "z")
    text = "with eps = 1 z is mu + exp(log_var / 2), one standard deviation up"
    moved, sigma = (z - given["mu"]).astype(z.dtype), np.exp(given["log_var"] / 2)
    agree(moved, sigma, "z - mu at eps = 1", text, sizes._asdict(), inputs=there)


def own_noise(functions, given, sizes, seed):
    """Every entry of eps moves one entry of z."""
    shape = given["mu"].shape
    here = value(functions[0], given, shape, "z")
    for m in range(sizes.M):
        eps = given["eps"].copy()
        eps[m] += 1
        moved = value(functions[0], given | {"eps": eps}, shape, "z") - here
        right = np.zeros(shape)
        right[m] = np.exp(given["log_var"][m] / 2)
        text = f"when only row {m} of eps moves, only row {m} of z moves, by sigma"
        agree(moved, right, f"how far z moves when row {m} of eps grows by 1", text, sizes._asdict())


def moments(functions, given, sizes, seed):
    """Mean and variance of many draws."""

    def sample(mu, log_var, eps):
        return value(functions[0], {"mu": mu, "log_var": log_var, "eps": eps}, mu.shape, "z")

    report = check_sampler(sample, J=sizes.J, seed=seed)
    if report.top is not None:
        stop(VALUE, "many draws of z", report.top.family, report.top.text)


E3 = Exercise(
    "E3",
    "z = mu + sigma eps",
    "section 2.4, below eq. (9)",
    1,
    5,
    ("gaussian",),
    (reparameterization.gaussian,),
    codes_and_noise,
    (
        ("the same eps, the same z", repeatable),
        ("eps = 0 gives mu", no_noise),
        ("eps = 1 is one standard deviation up", unit_noise),
        ("each row has its own eps", own_noise),
        (f"mean and variance of {DRAWS:,} draws", moments),
    ),
    lambda functions, given, sizes: {"z": lambda: value(functions[0], given, given["mu"].shape, "z")},
    (
        "A draw from N(mu, sigma^2) is a standard normal number, stretched and shifted. The noise is an argument: "
        "nothing is drawn in the function, and so a gradient can pass.",
        "z = mu + sigma * eps, where log_var holds log sigma^2, so sigma = exp(log_var / 2).",
        "... + np.exp(...) * ...: one line, three arrays of the same shape, no random number.",
    ),
    (
        Slip(
            "the standard deviation is exp(log_var / 2); exp(log_var) is the variance",
            "np.exp(0.5 * log_var)",
            "np.exp(log_var)",
        ),
        Slip(
            "the 1/2 belongs into the exponent: the root of exp(log_var) is exp(log_var / 2)",
            "np.exp(0.5 * log_var)",
            "0.5 * np.exp(log_var)",
        ),
        Slip("sigma is left out: the noise is not stretched", "np.exp(0.5 * log_var) * eps", "eps"),
        Slip("log_var itself stands where sigma belongs", "np.exp(0.5 * log_var)", "log_var"),
        Slip("all rows share the noise of the first", "* eps  #", "* eps[:1]  #"),
        Slip("the noise is left out: z is mu + sigma", "* eps  #", "  #"),
        Slip(
            "sigma is exp(log_var / 2), the sign is wrong: this is 1 / sigma",
            "np.exp(0.5 * log_var)",
            "np.exp(-0.5 * log_var)",
        ),
        Slip(
            "new noise is drawn; eps is given, so that the gradient can be taken for the same noise",
            "* eps  #",
            "* np.random.default_rng().standard_normal(mu.shape)  #",
        ),
    ),
    value_only=True,
)
