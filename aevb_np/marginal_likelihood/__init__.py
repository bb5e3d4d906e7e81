"""log p(x) of each datapoint, in nats, by four methods. Appendix D, and what to hold it against.

The bound says less than log p(x), by KL(q(z|x) || p(z|x)); MCEM has no bound at all. What separates the methods is
where they look for the z that could have made x:

| method       | looks                            | latent dimensions | too low, and does not say so, where      |
|--------------|----------------------------------|-------------------|------------------------------------------|
| `hmc`        | around a start, by Markov chains | fewer than 5      | the posterior has hills elsewhere, too   |
| `importance` | where the encoder points         | any               | q(z|x) is too narrow, or points amiss    |
| `quadrature` | everywhere, on a grid            | 1, 2, 3           | a hill is narrower than the grid is fine |
| `ais`        | from the prior, step by step     | any               | the way is too short                     |

`log_marginal` is one door to all of them. `bidirectional` tells how far `ais` can be trusted.
"""

from aevb_np.marginal_likelihood.annealing import Sandwich, anneal, annealed_importance, bidirectional
from aevb_np.marginal_likelihood.appendix_d import appendix_d, starts
from aevb_np.marginal_likelihood.estimate import Estimate
from aevb_np.marginal_likelihood.importance import importance_sampling
from aevb_np.marginal_likelihood.log_marginal import METHODS, log_marginal
from aevb_np.marginal_likelihood.quadrature import quadrature

__all__ = [
    "METHODS", "Estimate", "Sandwich", "log_marginal",
    "appendix_d", "starts", "importance_sampling", "quadrature",
    "annealed_importance", "bidirectional", "anneal",
]  # fmt: skip
