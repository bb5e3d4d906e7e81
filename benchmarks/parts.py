"""Where does the time of a step go? By hand:

    python benchmarks/parts.py

784-500-20, M = 100, float32, Adagrad. Every part is done alone, with arrays of the right shapes that are still in the
cache, so their sum is less than the whole step; the rest is what it costs to fetch them anew.
"""

import one_core  # isort: skip

import itertools

import numpy as np
from ours import package, products
from settings import STEP, Setting

from aevb_np import Adagrad, stream
from aevb_np.distributions import bernoulli_log_prob, gaussian_kl
from aevb_np.layers import affine, tanh
from aevb_np.objective import Ascent, prior_precision
from aevb_np.params import check_finite, check_moved
from aevb_np.reparameterization import gaussian
from aevb_np.training import Minibatches

PAPER = Setting("784-500-20")
D, H, J, M = PAPER.D, PAPER.H, PAPER.J, PAPER.M
TURNS = 400


def parts():
    """What a step does beside the large products, by name."""
    data, N, rng = PAPER.dataset, len(PAPER.dataset.x_train), np.random.default_rng(0)
    batches, count = Minibatches(N, M, seed=0), itertools.count()
    p, optimizer = PAPER.start(), Adagrad(STEP, epsilon=PAPER.epsilon)
    ascent = Ascent(p, optimizer, N, prior_precision(p, "all"))
    x, logits, h = (rng.random((M, n), dtype=np.float32) for n in (D, D, H))
    mu, log_var, eps = (rng.random((M, J), dtype=np.float32) for _ in range(3))
    weight, product = np.full(M, 1 / M, np.float32), rng.random((D, H), dtype=np.float32)
    p.grad[:] = 1e-3 * rng.standard_normal(p.grad.size)

    def both(forward, *upstream):
        _, backward = forward()
        backward(*upstream)

    def small():
        both(lambda: affine(p.phi.mean, h), mu)
        both(lambda: affine(p.phi.log_var, h), mu)
        both(lambda: affine(p.theta.hidden, mu), h)

    def twins():
        p.phi.hidden.dW += product
        p.theta.logits.dW += product.reshape(H, D)

    return {
        "minibatch: gathered, scaled": lambda: data.scale(data.x_train[batches.at(next(count))]),
        "noise": lambda: stream("noise", 0, next(count)).standard_normal((M, J), dtype=np.float32),
        "log p(x|z), value and slope": lambda: both(lambda: bernoulli_log_prob(x, logits), weight),
        "tanh, value and slope, twice": lambda: [both(lambda: tanh(h), h) for _ in range(2)],
        "z and KL": lambda: (
            both(lambda: gaussian(mu, log_var, eps), mu),
            both(lambda: gaussian_kl(mu, log_var), weight),
        ),
        "the products with J = 20": small,
        "products added into their twins": twins,
        "gradient of the prior": ascent.begin,
        "is it finite? twice": lambda: (check_finite(weight, p), check_moved(p)),
        "Adagrad": lambda: optimizer.ascend(p.flat, p.grad),
    }


def median_ms(work, turns=TURNS):
    return 1000 * float(np.median([one_core.timed(work) for _ in range(turns)][turns // 10 :]))


def main():
    print(f"{one_core.told()}\n")
    epoch, floor = package(PAPER), products(PAPER)
    whole = median_ms(epoch, 12) / PAPER.steps
    times = {"the five large products": median_ms(floor, 12) / PAPER.steps}
    times |= {name: median_ms(work) for name, work in parts().items()}
    print("| part | ms | share |\n|---|---|---|")
    for name, ms in [*times.items(), ("the rest", whole - sum(times.values())), ("a step", whole)]:
        print(f"| {name} | {ms:.2f} | {100 * ms / whole:.0f} % |")


if __name__ == "__main__":
    main()
