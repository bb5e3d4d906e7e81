"""log p(x) of each datapoint, in nats, by four methods. Appendix D, and what to hold it against.

The bound says less than log p(x), by KL(q(z|x) || p(z|x)); MCEM has no bound at all. What separates the methods is
where they look for the z that could have made x:

| method       | looks                            | J       | off, in which direction, and what tells                 |
|--------------|----------------------------------|---------|---------------------------------------------------------|
| `hmc`        | around a start, by Markov chains | below 5 | too low by hills that it never climbed: nothing tells;  |
|              |                                  |         | too high when it changes hills: split R-hat             |
| `importance` | where the encoder points         | any     | too low where q(z|x) is narrow: Pareto's k, few effective|
|              |                                  |         | samples; by hills that q does not reach: nothing        |
| `quadrature` | around every hill that it finds  | 1 to 3  | too low by hills that no climb ends on: nothing; else   |
|              |                                  |         | its error covers it                                     |
| `ais`        | from the prior, step by step     | any     | too low, by hundreds of nats where one chain makes the  |
|              |                                  |         | sum: few effective chains                               |

Where what tells says so, the error is infinite. `results/log_px.md` shows each of these.

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
