"""Two ways to measure a gradient without deriving it, which the tests share with the verification kit."""

from aevb_np.checks.numeric import complex_step, relative_error, richardson

__all__ = ["complex_step", "relative_error", "richardson"]
