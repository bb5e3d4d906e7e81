"""Auto-Encoding Variational Bayes in pure NumPy, every gradient written by hand.

In the order in which a reader meets them: the front door, the model, its bound, its training, and the pieces below.
`data`, `plotting` and the other modules are there by their names.

Nothing is loaded before it is asked for. So the command line can choose the BLAS kernel of its process before NumPy is
there, and `aevb --help` need not wait for NumPy at all.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from aevb_np._version import __version__ as __version__

if TYPE_CHECKING:  # what the table below says, for tools that read
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
    from aevb_np.runs.opening import load, start
    from aevb_np.runs.run import Run
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

HOMES = {
    "runs.opening": ("start", "load"),
    "runs.run": ("Run",),
    "model": ("VAE",),
    "networks": ("GaussianMLP", "BernoulliMLP"),
    "params": ("Params",),
    "estimators": ("sgvb_a", "sgvb_b", "importance_weighted", "score_function"),
    "aevb": ("AEVB",),
    "wake_sleep": ("WakeSleep",),
    "mcem": ("MCEM",),
    "full_vb": ("FullVB",),
    "optimizers": ("SGD", "Adagrad", "Adam"),
    "streams": ("stream",),
    "reparameterization": ("gaussian",),
    "distributions": ("gaussian_kl", "gaussian_log_prob", "standard_normal_log_prob", "bernoulli_log_prob"),
    "layers": ("affine", "tanh", "sigmoid"),
}
HOME = {name: module for module, names in HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """A name of the list above, or a module of the package, loaded at the first use."""
    if name in HOME:
        value = getattr(import_module(f"aevb_np.{HOME[name]}"), name)
        globals()[name] = value
        return value
    try:
        return import_module(f"aevb_np.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"aevb_np.{name}":
            raise  # the module is there, but something that it needs is not
        raise AttributeError(f"aevb_np has no {name!r}; it has {', '.join(__all__)}") from None


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
