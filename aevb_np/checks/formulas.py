"""What students write in place of the noise, of log p(x|z) and of the KL, beside what belongs there.

Every entry gives numbers to be summed over pixels or latent dimensions. The words are those of the report.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from aevb_np.numerics import sigmoid, softplus

RIGHT = "right"
SAMPLED = "sampled"  # log q(z|x) - log p(z) at the samples themselves: estimator A, eq. (6)

VARIANCE = "z uses exp(log_var), the variance, where the standard deviation exp(log_var / 2) belongs"
MIRRORED = "z = mu - sigma eps: no fault in distribution, but not the eps that was given"


def before(rows: NDArray) -> NDArray:
    """What the row before has."""
    return np.roll(rows, 1, axis=-2)


def after(rows: NDArray) -> NDArray:
    """What the row after has."""
    return np.roll(rows, -1, axis=-2)


def backwards(rows: NDArray) -> NDArray:
    """The last row first."""
    return rows[..., ::-1, :]


def within(eps: NDArray, M: int, moved: Callable[[NDArray], NDArray]) -> NDArray:
    """The rows of every sample, moved."""
    return moved(eps.reshape(-1, M, eps.shape[1])).reshape(eps.shape)


NOISE: dict[str, Callable] = {
    RIGHT: lambda log_var, eps, M: np.exp(0.5 * log_var) * eps,
    VARIANCE: lambda log_var, eps, M: np.exp(log_var) * eps,
    "z uses log_var itself where sigma = exp(log_var / 2) belongs": lambda log_var, eps, M: log_var * eps,
    "z uses exp(-log_var / 2), one over the standard deviation": lambda log_var, eps, M: np.exp(-0.5 * log_var) * eps,
    "z uses the root of the standard deviation, exp(log_var / 4)": lambda log_var, eps, M: np.exp(0.25 * log_var) * eps,
    "z has no noise: it is mu": lambda log_var, eps, M: 0 * eps,
    "z has noise of standard deviation 1: sigma is missing": lambda log_var, eps, M: eps,
    MIRRORED: (lambda log_var, eps, M: -np.exp(0.5 * log_var) * eps),
    "all rows share the eps of the first": lambda log_var, eps, M: np.exp(0.5 * log_var) * np.repeat(eps[::M], M, 0),
    "all rows share the mean of eps over the rows": (
        lambda log_var, eps, M: np.exp(0.5 * log_var) * np.repeat(eps.reshape(-1, M, eps.shape[1]).mean(1), M, 0)
    ),
    "z = mu + sigma |eps|: the noise is never negative": lambda log_var, eps, M: np.exp(0.5 * log_var) * np.abs(eps),
    "every row uses the eps of the row before": lambda log_var, eps, M: np.exp(0.5 * log_var) * within(eps, M, before),
    "every row uses the eps of the row after": lambda log_var, eps, M: np.exp(0.5 * log_var) * within(eps, M, after),
    "the rows use eps in reverse": lambda log_var, eps, M: np.exp(0.5 * log_var) * within(eps, M, backwards),
    "eps is read as (M, L, J), all samples of a row first": (
        lambda log_var, eps, M: np.exp(0.5 * log_var) * np.swapaxes(eps.reshape(M, -1, eps.shape[1]), 0, 1)
        .reshape(eps.shape)
    ),
    "z uses eps^2 where eps belongs": lambda log_var, eps, M: np.exp(0.5 * log_var) * eps**2,
    **{f"z = mu + {c:g} sigma eps: the noise has another standard deviation than 1": (
        lambda log_var, eps, M, c=c: c * np.exp(0.5 * log_var) * eps
    ) for c in (0.1, 0.01, 0.5, 2)},
}  # fmt: skip
SAME_SIGMA = {  # the KL that is made with the same wrong sigma as z
    VARIANCE: "the KL has sigma^4 where sigma^2 belongs",
    "z uses log_var itself where sigma = exp(log_var / 2) belongs": "the KL has log_var^2 where sigma^2 belongs",
    "z uses exp(-log_var / 2), one over the standard deviation": (
        "the KL has exp(-log_var) where sigma^2 = exp(log_var) belongs"
    ),
    "z uses the root of the standard deviation, exp(log_var / 4)": "the KL has sigma where sigma^2 belongs",
}
SMALL = [10.0**-k for k in range(1, 8)]


def shifted(c: float) -> Callable:
    """x log(y + c) + (1 - x) log(1 - y + c)."""
    return lambda x, a: x * np.log(sigmoid(a) + c) + (1 - x) * np.log(sigmoid(-a) + c)


def clipped(c: float) -> Callable:
    """The same with y kept between c and 1 - c."""
    return lambda x, a: x * np.log(sigmoid(a).clip(c, 1 - c)) + (1 - x) * np.log(sigmoid(-a).clip(c, 1 - c))


BERNOULLI: dict[str, Callable] = {
    RIGHT: lambda x, a: x * a - softplus(a),
    "the sigmoid is applied twice": lambda x, a: x * sigmoid(a) - softplus(sigmoid(a)),
    "the reconstruction is a squared error, not the log-probability of eq. (11)": lambda x, a: -((x - sigmoid(a)) ** 2),
    "the reconstruction has x log y only; (1 - x) log(1 - y) is missing": lambda x, a: -x * softplus(-a),
    "the reconstruction has (1 - x) log(1 - y) only; x log y is missing": lambda x, a: -(1 - x) * softplus(a),
    "the reconstruction has x and 1 - x exchanged": lambda x, a: (1 - x) * a - softplus(a),
    "the reconstruction is a squared error in the logits": lambda x, a: -((x - a) ** 2),
    "the reconstruction rounds x to 0 and 1": lambda x, a: np.round(x) * a - softplus(a),
    "softplus(-a) stands where softplus(a) belongs, a the logits": lambda x, a: x * a - softplus(-a),
    "x a has the wrong sign beside softplus(a), a the logits": lambda x, a: -x * a - softplus(a),
    "softplus(a) has the wrong sign beside x a, a the logits": lambda x, a: x * a + softplus(a),
    "the reconstruction's x log y has the wrong sign": lambda x, a: x * softplus(-a) - (1 - x) * softplus(a),
    "the reconstruction has log(1 + y) where log(1 - y) belongs": (
        lambda x, a: -x * softplus(-a) + (1 - x) * np.log1p(sigmoid(a))
    ),
    "the reconstruction has log(y) where log(1 - y) belongs": lambda x, a: -softplus(-a),
    **{f"the reconstruction has log(y + {c:g}) where log y belongs": shifted(c) for c in SMALL},
    **{f"the reconstruction keeps y between {c:g} and 1 - {c:g}": clipped(c) for c in SMALL[:4]},
}
TOGETHER = "the reconstruction holds z of one row against x of another: "
# Which x stands beside the z of all rows, then all rows again.
PAIRED: dict[str, Callable[[NDArray, int], NDArray]] = {
    TOGETHER + "x has every row L times in turn, z has all rows, then all rows again": lambda x, L: np.repeat(x, L, 0),
    TOGETHER + "that of the row before": lambda x, L: np.tile(before(x), (L, 1)),
    TOGETHER + "that of the row after": lambda x, L: np.tile(after(x), (L, 1)),
    TOGETHER + "the rows of x are in reverse": lambda x, L: np.tile(backwards(x), (L, 1)),
    TOGETHER + "x of the first row for all": lambda x, L: np.tile(x[:1], (len(x) * L, 1)),
    TOGETHER + "x of the last row for all": lambda x, L: np.tile(x[-1:], (len(x) * L, 1)),
    TOGETHER + "the mean of x over the rows for all": lambda x, L: np.tile(x.mean(0), (len(x) * L, 1)),
}
HARMLESS = [f"the reconstruction has log(y + {c:g}) where log y belongs" for c in SMALL[4:]] + [MIRRORED]
GAUSSIAN: dict[str, Callable] = {
    RIGHT: lambda x, m, s: -0.5 * (s + (x - m) ** 2 * np.exp(-s)),
    "the decoder's log_var is read as log sigma": lambda x, m, s: -0.5 * (2 * s + (x - m) ** 2 * np.exp(-2 * s)),
    "the decoder's term -log sigma is missing": lambda x, m, s: -0.5 * ((x - m) ** 2 * np.exp(-s)),
    "the 1/2 of the decoder's square is missing": lambda x, m, s: -0.5 * s - (x - m) ** 2 * np.exp(-s),
    "the decoder's log_var enters without its 1/2": lambda x, m, s: -s - 0.5 * (x - m) ** 2 * np.exp(-s),
    "the decoder divides by sigma, not by sigma^2": lambda x, m, s: -0.5 * (s + (x - m) ** 2 * np.exp(-0.5 * s)),
    "the decoder multiplies by sigma^2 instead of dividing": lambda x, m, s: -0.5 * (s + (x - m) ** 2 * np.exp(s)),
    "the decoder's log sigma has the wrong sign": lambda x, m, s: -0.5 * (-s + (x - m) ** 2 * np.exp(-s)),
    "the decoder divides by sigma^4, not by sigma^2": lambda x, m, s: -0.5 * (s + (x - m) ** 2 * np.exp(-2 * s)),
    "the decoder divides by log sigma^2, not by sigma^2": lambda x, m, s: -0.5 * (s + (x - m) ** 2 / s),
    "the decoder's square is missing: x - m where (x - m)^2 belongs": (
        lambda x, m, s: -0.5 * (s + (x - m) * np.exp(-s))
    ),
    "the decoder has |x - m| where (x - m)^2 belongs": lambda x, m, s: -0.5 * (s + np.abs(x - m) * np.exp(-s)),
    "the decoder's square is not divided by sigma^2": lambda x, m, s: -0.5 * (s + (x - m) ** 2),
    "the reconstruction is a squared error without the decoder's variance": lambda x, m, s: -0.5 * (x - m) ** 2,
}


def fixed(variance: float) -> dict[str, Callable]:
    """Those of a Gaussian whose variance is no output of the decoder, x and the mean given."""
    return {
        RIGHT: lambda x, m: -0.5 * (x - m) ** 2 / variance,
        "the decoder has |x - m| where (x - m)^2 belongs": lambda x, m: -0.5 * np.abs(x - m) / variance,
        "the decoder's square is missing: x - m where (x - m)^2 belongs": lambda x, m: -0.5 * (x - m) / variance,
        "the reconstruction is the log-probability of bits, eq. (11), in a decoder that is declared a Gaussian": (
            lambda x, m: x * np.log(m) + (1 - x) * np.log(1 - m)
        ),
        "the reconstruction is that of eq. (11) from logits, in a decoder that is declared a Gaussian": (
            lambda x, m: x * m - softplus(m)
        ),
    }


KL: dict[str, Callable] = {
    RIGHT: lambda mu, s: 0.5 * (mu**2 + np.exp(s) - 1 - s),
    "this is KL(p || q), the other direction": lambda mu, s: 0.5 * ((1 + mu**2) * np.exp(-s) - 1 + s),
    "the KL reads log_var as log sigma": lambda mu, s: 0.5 * (mu**2 + np.exp(2 * s) - 1 - 2 * s),
    "the KL has sigma where sigma^2 belongs": lambda mu, s: 0.5 * (mu**2 + np.exp(0.5 * s) - 1 - s),
    "the KL has log sigma where log sigma^2 belongs": lambda mu, s: 0.5 * (mu**2 + np.exp(s) - 1 - 0.5 * s),
    "the KL has mu where mu^2 belongs": lambda mu, s: 0.5 * (mu + np.exp(s) - 1 - s),
    "the KL's mu^2 is missing": lambda mu, s: 0.5 * (np.exp(s) - 1 - s),
    "the KL's sigma^2 is missing": lambda mu, s: 0.5 * (mu**2 - 1 - s),
    "the KL's log sigma^2 is missing": lambda mu, s: 0.5 * (mu**2 + np.exp(s) - 1),
    "the KL's log sigma^2 has the wrong sign": lambda mu, s: 0.5 * (mu**2 + np.exp(s) - 1 + s),
    "the KL's mu^2 has the wrong sign": lambda mu, s: 0.5 * (-(mu**2) + np.exp(s) - 1 - s),
    "the KL takes log sigma for log sigma^2": lambda mu, s: 0.5 * (mu**2 + np.exp(0.5 * s) - 1 - 0.5 * s),
    "the KL has exp(-log_var) where sigma^2 = exp(log_var) belongs": lambda mu, s: 0.5 * (mu**2 + np.exp(-s) - 1 - s),
    "the KL has log_var^2 where sigma^2 belongs": lambda mu, s: 0.5 * (mu**2 + s**2 - 1 - s),
    "the KL has sigma^4 where sigma^2 belongs": lambda mu, s: 0.5 * (mu**2 + np.exp(2 * s) - 1 - s),
    "the KL has |mu| where mu^2 belongs": lambda mu, s: 0.5 * (np.abs(mu) + np.exp(s) - 1 - s),
    "the KL has mu^2 / sigma^2 where mu^2 belongs": lambda mu, s: 0.5 * (mu**2 * np.exp(-s) + np.exp(s) - 1 - s),
    "the KL has log_var where sigma^2 belongs": lambda mu, s: 0.5 * (mu**2 - 1),
}
# What the value does with the encoder's log_var before it uses it.
LOG_VAR: dict[str, Callable] = {
    f"the value keeps the encoder's log_var between {-c:g} and {c:g}; where it is cut, no gradient comes through": (
        lambda s, c=c: np.clip(s, -c, c)
    )
    for c in (0.5, 1, 2, 3, 4, 5)
} | {
    f"the value keeps the encoder's log_var {side} {c:g}; where it is cut, no gradient comes through": (
        lambda s, c=c, cut=cut: cut(s, c)
    )
    for side, cut in (("below", np.minimum), ("above", np.maximum))
    for c in (0, 0.5, -0.5, 1, -1, 2, -2, 3, -3)
    if (side, c) != ("above", 0)
} | {
    "the value passes the encoder's log_var through a ReLU": lambda s: np.maximum(s, 0.0),
    "the value passes the encoder's log_var through tanh": np.tanh,
    "the value passes the encoder's log_var through softplus": softplus,
    "the value takes the negative of the encoder's log_var": np.negative,
}
