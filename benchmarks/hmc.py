"""How long is an HMC move, and how long are its matrix products alone? Run by hand:

    python benchmarks/hmc.py

1,000 chains, J = 3, H = 100, D = 784, ten leapfrog steps, float32, one BLAS thread. Every one of the 11 gradients takes
four products: forward through both layers, and back to z. Move and products are timed in turn in one process; the ratio
of their medians is what to quote.
"""

import os

os.environ.update({"OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"})

import numpy as np  # noqa: E402
from step import timed  # noqa: E402

from aevb_np import VAE, stream  # noqa: E402
from aevb_np.config import versions  # noqa: E402
from aevb_np.hmc import move  # noqa: E402
from aevb_np.posterior import BLOCK, posterior  # noqa: E402

C, J, H, D, S = 1000, 3, 100, 784, 10
TURNS, WARMUP = 60, 10


def main():
    rng = stream("hmc", 0)
    model = VAE.bernoulli(D, H, J)
    theta = model.init(stream("init", 0)).theta
    theta.flat[:] *= 30
    x, z, h, delta = (rng.random((C, n), dtype=np.float32) for n in (D, J, H, D))
    target, step = posterior(model.decoder, theta, x), np.full((C, 1), 0.1, np.float32)

    def products():
        for _ in range(S + 1):
            for start in range(0, C, BLOCK):
                rows = slice(start, start + BLOCK)
                z[rows] @ theta.hidden.W, h[rows] @ theta.logits.W
                delta[rows] @ theta.logits.W.T, h[rows] @ theta.hidden.W.T

    turns = [(timed(lambda: move(target, z, step, S, rng)), timed(products)) for _ in range(TURNS)]
    low, median, high = np.quantile(1000 * np.array(turns)[WARMUP:], [0.05, 0.5, 0.95], axis=0)
    print(", ".join(f"{name} {value}" for name, value in versions(1).items()))
    print(f"move      {median[0]:.1f} ms  (5 % to 95 %: {low[0]:.1f} to {high[0]:.1f})")
    print(f"products  {median[1]:.1f} ms  (5 % to 95 %: {low[1]:.1f} to {high[1]:.1f})")
    print(f"ratio     {median[0] / median[1]:.2f}")


if __name__ == "__main__":
    main()
