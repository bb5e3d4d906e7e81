"""How long is a step of Algorithm 1, and how long are its five large matrix products alone? Run by hand:

    python benchmarks/step.py

784-500-20, M = 100, float32, Adagrad, prior on all parameters, one BLAS thread, minibatches gathered from 50,000 images
of uint8. Step and products are timed in turn in one process; the ratio of their medians is what to quote.
"""

import os

os.environ.update({"OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"})

import time  # noqa: E402

import numpy as np  # noqa: E402

from aevb_np import AEVB, VAE, Adagrad, stream  # noqa: E402
from aevb_np.config import versions  # noqa: E402
from aevb_np.data import Dataset  # noqa: E402
from aevb_np.training import Minibatches, loop  # noqa: E402

D, H, J, M, N = 784, 500, 20, 100, 50_000
TURNS, WARMUP = 500, 150  # the first 100 steps are Adagrad's warm-up, which moves nothing


def main():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (N, D), np.uint8)
    dataset = Dataset("noise", pixels, pixels[:1], (28, 28), 255)
    model = VAE.bernoulli(D, H, J)
    algorithm = AEVB(model, model.init(stream("init", 0)), Adagrad(0.01, warmup=100, epsilon=1e-8 / M**2), N)
    steps = loop(algorithm, dataset, Minibatches(N, M, seed=0))

    x, delta = (rng.random((M, D), dtype=np.float32) for _ in range(2))
    h = rng.random((M, H), dtype=np.float32)
    W3, W2 = rng.random((D, H), dtype=np.float32), rng.random((H, D), dtype=np.float32)

    def products():
        return x @ W3, h @ W2, h.T @ delta, delta @ W2.T, x.T @ h

    times = np.array([(timed(lambda: next(steps)), timed(products)) for _ in range(TURNS)])[WARMUP:]
    low, median, high = np.quantile(1000 * times, [0.05, 0.5, 0.95], axis=0)
    print(", ".join(f"{name} {value}" for name, value in versions(1).items()))
    print(f"step      {median[0]:.2f} ms  (5 % to 95 %: {low[0]:.2f} to {high[0]:.2f})")
    print(f"products  {median[1]:.2f} ms  (5 % to 95 %: {low[1]:.2f} to {high[1]:.2f})")
    print(f"ratio     {median[0] / median[1]:.2f}")


def timed(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
