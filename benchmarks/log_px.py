"""How sure is log p(x)? Each method where it is right, where it knows that it is not, and where it is blind. By hand:

    python benchmarks/log_px.py

prints the table of results/log_px.md. All models are such that log p(x) is known otherwise.
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from certainty import Curve, Linear

from aevb_np.marginal_likelihood import annealed_importance, appendix_d, quadrature
from aevb_np.marginal_likelihood.estimate import Estimate, log_mean, pareto_k
from aevb_np.marginal_likelihood.importance import HEAVY, tail
from aevb_np.model import log_joint
from aevb_np.params import Params
from aevb_np.streams import stream

NOTHING = Params({"nothing": (1,)})


def importance(model, x, mean, sigma, K=5000):
    """Importance sampling from q = N(mean, sigma^2), J = 1."""
    z = mean + sigma * stream("hmc", 0).standard_normal((K, 1))
    log_q = -0.5 * (((z - mean) / sigma) ** 2 + np.log(2 * np.pi * sigma**2))[:, 0]
    log_w = (log_joint(model, NOTHING, np.tile(x, (K, 1)), z)[0] - log_q)[:, None]
    log_px, error, effective = log_mean(log_w)
    k = pareto_k(log_w)
    return Estimate(log_px, np.where(k + (1 + k) / np.sqrt(tail(K)) > HEAVY, np.inf, error), None, effective, k)


def cases():
    """What is shown, the estimate, and the truth."""
    rng = np.random.default_rng(0)
    narrow, line = Linear(np.eye(1), 0.001), Linear(np.eye(1), 0.5)
    x = np.array([[0.328125 * (1 + 1e-6)]])
    yield "quadrature: a posterior 0.001 wide", quadrature(narrow, NOTHING, x), narrow.exact(x)[0]
    far = np.array([[20.0]])
    yield "quadrature: posterior mean 16", quadrature(line, NOTHING, far), line.exact(far)[0]
    squares = Curve(1, lambda z: z**2, lambda z: 2 * z, 0.1)
    two = np.array([[1.0]])
    both = quadrature(squares, NOTHING, two)
    one = np.array([[0.5]])
    mean, sigma = 0.4, np.sqrt(0.2)  # the posterior of z for x = 0.5
    yield "importance: q is the posterior", importance(line, one, mean, sigma), line.exact(one)[0]
    yield "importance: q a third as wide", importance(line, one, mean, sigma / 3), line.exact(one)[0]
    yield "importance: q on one of two hills", importance(squares, two, 1.0, 0.05), both.log_px[0]
    yield "hmc: one hill", appendix_d(line, NOTHING, one, np.zeros((1, 1)), stream("hmc", 0)), line.exact(one)[0]
    yield "hmc: one of two hills", appendix_d(squares, NOTHING, two, np.ones((1, 1)), stream("hmc", 0)), both.log_px[0]
    wide = Curve(1, lambda z: z**2, lambda z: 2 * z, 0.25)
    rows = np.full((300, 1), 0.6)
    changed = appendix_d(wide, NOTHING, rows, np.full((300, 1), 0.75), stream("hmc", 0))
    worst = changed.log_px.argmax()
    parts = (changed.log_px, changed.error, changed.acceptance, changed.effective, None, changed.r_hat)
    highest = Estimate(*(None if part is None else part[worst : worst + 1] for part in parts))
    yield "hmc: changed hills halfway", highest, quadrature(wide, NOTHING, rows[:1]).log_px[0]
    ten = Linear(0.3 * rng.standard_normal((10, 60)), 0.3)
    x = rng.standard_normal((1, 10)) @ ten.W + 0.3 * rng.standard_normal((1, 60))
    yield "ais: ten dimensions", annealed_importance(ten, NOTHING, x, stream("hmc", 0)), ten.exact(x)[0]
    sharp = Linear(ten.W, 0.01)
    x = rng.standard_normal((1, 10)) @ ten.W + 0.01 * rng.standard_normal((1, 60))
    yield "ais: the same, sigma = 0.01", annealed_importance(sharp, NOTHING, x, stream("hmc", 0)), sharp.exact(x)[0]


def number(values, form):
    """One number of an estimate, or nothing."""
    return "" if values is None else format(values[0], form)


if __name__ == "__main__":
    print("| case | log p(x) | estimate | error | off by | effective draws | Pareto k | split R-hat |")
    print("|---|---|---|---|---|---|---|---|")
    for name, e, exact in cases():
        signs = number(e.effective, ".1f"), number(e.k, ".2f"), number(e.r_hat, ".2f")
        log_px, error = e.log_px[0], e.error[0]
        cells = name, f"{exact:.3f}", f"{log_px:.3f}", f"{error:.1g}", f"{log_px - exact:.1g}", *signs
        print("|", " | ".join(cells), "|")
