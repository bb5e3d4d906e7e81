"""Auto-Encoding Variational Bayes in pure NumPy, every gradient written by hand.

In the order in which a reader meets them: the front door, the model, its bound, its training, and the pieces below.
`data`, `plotting` and `pictures` are imported by name.
"""

from aevb_np._version import __version__ as __version__
from aevb_np.aevb import AEVB
from aevb_np.distributions import (
    bernoulli_log_prob,
    gaussian_kl,
    gaussian_log_prob,
    standard_normal_log_prob,
)
from aevb_np.estimators import importance_weighted, score_function, sgvb_a, sgvb_b
from aevb_np.full_vb import FullVB
from aevb_np.layers import affine, sigmoid, tanh
from aevb_np.mcem import MCEM
from aevb_np.model import VAE
from aevb_np.networks import BernoulliMLP, GaussianMLP
from aevb_np.optimizers import SGD, Adagrad, Adam
from aevb_np.params import Params
from aevb_np.reparameterization import gaussian
from aevb_np.run import Run, load, start
from aevb_np.streams import stream
from aevb_np.wake_sleep import WakeSleep

__all__ = [
    "start", "load", "Run",
    "VAE", "GaussianMLP", "BernoulliMLP", "Params",
    "sgvb_a", "sgvb_b", "importance_weighted", "score_function",
    "AEVB", "WakeSleep", "MCEM", "FullVB", "SGD", "Adagrad", "Adam", "stream",
    "gaussian", "gaussian_kl", "gaussian_log_prob", "standard_normal_log_prob", "bernoulli_log_prob",
    "affine", "tanh", "sigmoid",
]  # fmt: skip
