"""An encoder for a decoder that is given: inference with theta fixed."""

from typing import Any

from aevb_np.runs.config import configure
from aevb_np.runs.run import Run

GIVEN = ("data", "data_options", "decoder", "sigmoid_mean", "latent", "hidden", "hidden_unit", "log_var_floor")


def fit_encoder(source: Run, **settings: Any) -> Run:
    """A new run that fits an encoder to the decoder of another run, on its data: inference with theta fixed.

    A bound belongs to an encoder as much as to a decoder. This one says what the decoder alone is worth under the best
    q(z|x) that can be found, and gives an encoder to a model that MCEM trained without.

    Parameters
    ----------
    source : Run
        Of any method; of full variational Bayes the mean of q(theta) is taken.
    **settings
        As for `start`, except for those that the decoder decides.

    Raises
    ------
    ValueError
        If a setting disagrees with the decoder, is unknown or out of range.
    """
    given = {name: getattr(source.config, name) for name in GIVEN}
    for name, value in given.items():
        if settings.get(name) not in (None, value):
            raise ValueError(f"{name} is {value} in the decoder that is given; got {settings[name]}. Leave it out")
    run = Run(configure(source.data, **{**settings, **given, "freeze": "theta"}), source.data)
    run.usual_warmup = settings.get("warmup") is None
    run.p.theta.flat[:] = source.p.theta.flat
    return run
