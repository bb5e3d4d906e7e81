"""A random z as a differentiable function of noise, so that gradients can pass through the sampling. Section 2.4.

`gaussian` is the one that the paper's experiments use. Its three families are `location_scale`, `inverse_cdf` and
`composition`; `DISTRIBUTIONS` is the table of all that it names, and `noise` draws what they start from.

Every sampler returns z and a `backward` that takes the gradient of z and returns that of the parameters. Parameters are
arrays of the dtype of z and of any shape that broadcasts against it. A parameter out of its range is an error.

Every density is right to the ends of its support: what it is there, 0, infinite or neither, its logarithm says. It
computes in float64 whatever it is given, and NaN stays NaN.
"""

from aevb_np.reparameterization.location_scale import gaussian
from aevb_np.reparameterization.rows import repeat, repeat_rows
from aevb_np.reparameterization.table import DISTRIBUTIONS, Distribution

__all__ = ["DISTRIBUTIONS", "Distribution", "gaussian", "repeat", "repeat_rows"]
