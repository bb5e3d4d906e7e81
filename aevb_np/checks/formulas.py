"""What students write in place of the noise, of log p(x|z) and of the KL, beside what belongs there.

Every entry gives numbers to be summed over pixels or latent dimensions. The words are those of the report.
"""

from collections.abc import Callable

import numpy as np

from aevb_np.numerics import sigmoid, softplus

RIGHT = "right"
SAMPLED = "sampled"  # log q(z|x) - log p(z) at the samples themselves: estimator A, eq. (6)

NOISE: dict[str, Callable] = {
    RIGHT: lambda log_var, eps, M: np.exp(0.5 * log_var) * eps,
    "z uses exp(log_var), the variance, where the standard deviation exp(log_var / 2) belongs": (
        lambda log_var, eps, M: np.exp(log_var) * eps
    ),
    "z uses log_var itself where sigma = exp(log_var / 2) belongs": lambda log_var, eps, M: log_var * eps,
    "z uses exp(-log_var / 2), one over the standard deviation": lambda log_var, eps, M: np.exp(-0.5 * log_var) * eps,
    "z uses the root of the standard deviation, exp(log_var / 4)": lambda log_var, eps, M: np.exp(0.25 * log_var) * eps,
    "z has no noise: it is mu": lambda log_var, eps, M: 0 * eps,
    "z has noise of standard deviation 1: sigma is missing": lambda log_var, eps, M: eps,
    "z = mu - sigma eps (no fault in distribution, but not the eps that was given)": (
        lambda log_var, eps, M: -np.exp(0.5 * log_var) * eps
    ),
    "all rows share the eps of the first": lambda log_var, eps, M: np.exp(0.5 * log_var) * np.repeat(eps[::M], M, 0),
}
BERNOULLI: dict[str, Callable] = {
    RIGHT: lambda x, a: x * a - softplus(a),
    "the sigmoid is applied twice": lambda x, a: x * sigmoid(a) - softplus(sigmoid(a)),
    "the reconstruction is a squared error, not the log-probability of eq. (11)": lambda x, a: -((x - sigmoid(a)) ** 2),
    "the reconstruction has x log y only; (1 - x) log(1 - y) is missing": lambda x, a: -x * softplus(-a),
    "the reconstruction has (1 - x) log(1 - y) only; x log y is missing": lambda x, a: -(1 - x) * softplus(a),
    "the reconstruction has x and 1 - x exchanged": lambda x, a: (1 - x) * a - softplus(a),
    "the reconstruction is a squared error in the logits": lambda x, a: -((x - a) ** 2),
}
GAUSSIAN: dict[str, Callable] = {
    RIGHT: lambda x, m, s: -0.5 * (s + (x - m) ** 2 * np.exp(-s)),
    "the decoder's log_var is read as log sigma": lambda x, m, s: -0.5 * (2 * s + (x - m) ** 2 * np.exp(-2 * s)),
    "the decoder's term -log sigma is missing": lambda x, m, s: -0.5 * ((x - m) ** 2 * np.exp(-s)),
    "the 1/2 of the decoder's square is missing": lambda x, m, s: -0.5 * s - (x - m) ** 2 * np.exp(-s),
    "the decoder's log_var enters without its 1/2": lambda x, m, s: -s - 0.5 * (x - m) ** 2 * np.exp(-s),
    "the decoder divides by sigma, not by sigma^2": lambda x, m, s: -0.5 * (s + (x - m) ** 2 * np.exp(-0.5 * s)),
    "the decoder multiplies by sigma^2 instead of dividing": lambda x, m, s: -0.5 * (s + (x - m) ** 2 * np.exp(s)),
    "the decoder's log sigma has the wrong sign": lambda x, m, s: -0.5 * (-s + (x - m) ** 2 * np.exp(-s)),
    "the reconstruction is a squared error without the decoder's variance": lambda x, m, s: -0.5 * (x - m) ** 2,
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
    "the KL has log_var where sigma^2 belongs": lambda mu, s: 0.5 * (mu**2 - 1),
}
