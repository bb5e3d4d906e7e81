"""How long, and how much memory, does all else take: wake-sleep, HMC, log p(x), evaluation, checks, import? By hand:

    python benchmarks/tasks.py

One core, one thread, float32. Every task is timed in a process of its own, in turn with the matrix products that it
cannot do without, or with `import numpy`; the quotient is of two times of the same turn. The peak is that of the whole
process: Python and its libraries are about 60 MB of it.
"""

import one_core  # isort: skip

import resource
import subprocess
import sys
import tempfile

import numpy as np
from check_campaign import planted, report_on
from settings import STEP, Setting

from aevb_np import Adagrad, WakeSleep, stream
from aevb_np.checks.numeric import taylor
from aevb_np.data import status
from aevb_np.estimators import sgvb_b
from aevb_np.evaluation import BLOCK, evaluate
from aevb_np.hmc import move
from aevb_np.marginal_likelihood import importance_sampling
from aevb_np.marginal_likelihood.importance import ROWS
from aevb_np.training import Minibatches, loop
from aevb_np.true_posterior import BLOCK as CHAINS
from aevb_np.true_posterior import posterior

PAPER = Setting("784-500-20")
D, H, J, M = PAPER.D, PAPER.H, PAPER.J, PAPER.M


def some(*shape):
    return np.random.default_rng(0).random(shape, dtype=np.float32)


def wake_sleep():
    """a step of wake-sleep, 784-500-20, M = 100; seven products"""
    N = len(PAPER.dataset.x_train)
    algorithm = WakeSleep(PAPER.model(), PAPER.start(), Adagrad(STEP, epsilon=PAPER.epsilon), N)
    steps = loop(algorithm, PAPER.dataset, Minibatches(N, M, seed=0))
    x, h, U, W = some(M, D), some(M, H), some(D, H), some(H, D)

    def products():
        x @ U, h @ W, h.T @ x, x @ W.T  # awake
        h @ W, x @ U, x.T @ h  # asleep

    return lambda: next(steps), products


def hmc():
    """an HMC move of 1,000 chains, ten leapfrog steps, 784-100-3; 4 products for each of 11 gradients"""
    C, H, J, S = 1000, 100, 3, 10
    theta = Setting("small", H=H, J=J).start().theta
    theta.flat[:] *= 30
    x, z, h, rng = some(C, D), some(C, J), some(C, H), stream("hmc", 0)
    model = Setting("small", H=H, J=J).model()
    target, step = posterior(model.decoder, theta, x), np.full((C, 1), 0.1, np.float32)

    def products():
        for start in [*range(0, C, CHAINS)] * (S + 1):
            rows = slice(start, start + CHAINS)
            z[rows] @ theta.hidden.W, h[rows] @ theta.logits.W
            x[rows] @ theta.logits.W.T, h[rows] @ theta.hidden.W.T

    return lambda: move(target, z, step, S, rng), products


def importance():
    """log p(x) of 10 images by importance sampling, K = 5,000, 784-500-20; the decoder's product for 50,000 rows"""
    model, p, images, K = PAPER.model(), PAPER.start(), 10, 5000
    x, h, W = some(images, D), some(ROWS, H), some(H, D)

    def products():
        for _ in range(images * K // ROWS):
            h @ W

    return lambda: importance_sampling(model, p.theta, p.phi, x, K, stream("noise", 0)), products


def test_bound():
    """the bound of 10,000 test images, 784-500-20; two products"""
    model, p, x, N = PAPER.model(), PAPER.start(), some(BLOCK, D), 10_000
    h, U, W = some(BLOCK, H), some(D, H), some(H, D)

    def products():
        for _ in range(N // BLOCK):
            x @ U, h @ W

    blocks = [x] * (N // BLOCK)
    return lambda: evaluate(model, p.theta, p.phi, blocks, stream("noise", 0)), products


def check():
    """a check of a student's 7-3-5-11 model that has lost a sigma: all layers"""
    module = planted(["sigma missing"], "bernoulli")
    return lambda: report_on(module), None


def taylor_check():
    """the symmetric Taylor remainder of the 784-500-20 model, M = 100, float64"""
    model, rng = PAPER.model(), np.random.default_rng(0)
    p = model.init(stream("init", 0), np.float64)
    x, eps = rng.random((M, D)), rng.standard_normal((M, J))

    def value():
        return sgvb_b(model, p.theta, p.phi, x, eps)[0].sum()

    sgvb_b(model, p.theta, p.phi, x, eps)[1](np.ones(M))
    return lambda: taylor(value, p.flat, p.grad.copy(), rng), None


def python(*arguments):
    return lambda: subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)


NUMPY = python("-c", "import numpy")


def import_package():
    """`import aevb_np`; `import numpy`"""
    return python("-c", "import aevb_np"), NUMPY


def import_model():
    """`from aevb_np import AEVB, VAE, Adagrad`; `import numpy`"""
    return python("-c", "from aevb_np import AEVB, VAE, Adagrad"), NUMPY


def command_help():
    """`aevb --help`; `python -c "import numpy"`"""
    return python("-m", "aevb_np", "--help"), NUMPY


def train_mnist():
    """`aevb train mnist --samples 5e4`, whole, with its pictures"""

    def work():
        with tempfile.TemporaryDirectory() as folder:
            python("-m", "aevb_np", "train", "mnist", "--samples", "5e4", "--out", f"{folder}/run")()

    return work, None


TASKS = {
    wake_sleep: 300, hmc: 60, importance: 12, test_bound: 12, check: 12, taylor_check: 12,
    import_package: 24, import_model: 24, command_help: 24, train_mnist: 3,
}  # fmt: skip


def measure(task, turns):
    """Prints a row for one task. The first tenth of the turns, and at least one, does not count."""
    work, floor = task()
    times = [(one_core.timed(work), one_core.timed(floor) if floor else np.nan) for _ in range(turns)]
    work_ms, floor_ms = 1000 * np.array(times)[1 + turns // 10 :].T
    low, median, high = np.quantile(work_ms, [0.05, 0.5, 0.95])
    quotient = f"{np.median(work_ms / floor_ms):.2f}" if floor else ""
    print(f"| {task.__doc__} | {median:.3g} ({low:.3g} to {high:.3g}) | {quotient} | {peak():.0f} |", flush=True)


def peak():
    """Megabytes that this process has used at most; where it started others, the largest of those."""
    used = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF)]
    return (used[0] or used[1]) * (1 if sys.platform == "darwin" else 1024) / 1e6


def main():
    print(f"{one_core.told()}\n")
    print("| task | ms (5 % to 95 %) | / floor | peak MB |\n|---|---|---|---|", flush=True)
    for task in TASKS:
        if task is train_mnist and not any(row.here for row in status() if row.name == "mnist"):
            print(f"| {task.__doc__} | left out: MNIST is not here | | |")
            continue
        subprocess.run([sys.executable, __file__, task.__name__], check=True)


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    else:
        measure(*next(item for item in TASKS.items() if item[0].__name__ == sys.argv[1]))
