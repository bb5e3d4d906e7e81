"""A fifth training method in one file: AEVB that looks at every minibatch through two samples of z, one estimator each.

It shows what a method has to say of itself. `tests/test_method.py` trains, saves, resumes, evaluates and draws it.
"""

import numpy as np

from aevb_np.estimators import sgvb_a, sgvb_b
from aevb_np.method import Method
from aevb_np.objective import Ascent, prior_precision


class Halves(Method):
    """The mean of estimators A and B; `seen` counts how often each datapoint was used."""

    name, title = "halves", "half A, half B"
    kept = ("seen",)

    def __init__(self, model, p, optimizer, N):
        self.model, self.p, self.seen = model, p, np.zeros(N)
        self.ascent = Ascent(p, optimizer, N, prior_precision(p, "all"))

    @classmethod
    def of(cls, config, model, p, optimizer):
        return cls(model, p, optimizer, config.N)

    def step(self, x, index, rng):
        self.seen[index] += 1
        eps = rng.standard_normal((2, len(x), self.model.J), dtype=x.dtype)
        self.ascent.begin()
        a, back_a = sgvb_a(self.model, self.p.theta, self.p.phi, x, eps[0])
        b, back_b = sgvb_b(self.model, self.p.theta, self.p.phi, x, eps[1])
        for backward in (back_a, back_b):
            backward(np.full(len(x), 0.5 / len(x), x.dtype))
        self.ascent.step((a + b) / 2)
        return (a + b) / 2
