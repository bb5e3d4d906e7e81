"""All settings of a run in one place, with the paper's choices where nobody made another one."""

import dataclasses
import math
import platform
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info

from aevb_np._version import __version__
from aevb_np.data.dataset import Dataset
from aevb_np.layers import HIDDEN_UNITS
from aevb_np.model import STARTS, VAE
from aevb_np.networks import DECODERS, GaussianMLP
from aevb_np.objective import PRIORS
from aevb_np.optimizers import SGD, Adagrad, Adam, Optimizer
from aevb_np.runs.methods import METHODS, OWN_SETTINGS
from aevb_np.training import SAMPLINGS

ESTIMATORS = ("A", "B")
FREEZES = ("none", "theta")
WARM_UP = 100  # gradients, as the author's code has them
OPTIMIZERS = ("adagrad", "sgd", "adam")
DTYPES = ("float32", "float64")
MOST_THREADS = 1024

# What differs from one data set to another. Section 5 has 500 hidden units for MNIST and 200 for less data. In two
# dimensions the drawn digits take the paper's largest step well; on the drawn faces Adagrad finds the turn of the head
# within a million samples but not the smile, and Adam finds both.
DEFAULTS: dict[str, dict[str, Any]] = {
    "mnist": {"hidden": 500, "samples": 1_000_000},
    "frey": {"samples": 1_000_000},
    "faces": {"optimizer": "adam", "samples": 800_000},
}


@dataclass(frozen=True)
class Config:
    """The settings of a run, each checked.

    The first group says what the data are, the second what the model is, the third how it is trained. The symbols of
    the paper: `latent` is J, `hidden` H, `minibatch` M, `draws` L; `N` counts the training points.
    """

    data: str
    N: int
    image_shape: tuple[int, int]
    divisor: float
    binarize: str
    decoder: str
    sigmoid_mean: bool
    digest: str
    description: str

    latent: int
    hidden: int
    log_var_floor: float | None

    step: float
    warmup: int
    samples: int
    minibatch: int
    draws: int = 1
    hidden_unit: str = "tanh"
    method: str = "aevb"
    estimator: str = "B"
    optimizer: str = "adagrad"
    prior: str = "all"
    start: str = "paper"
    freeze: str = "none"
    sampling: str = "permutation"
    seed: int = 0
    dtype: str = "float32"
    threads: int = 1
    data_options: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        for name, symbol in (("latent", "J"), ("hidden", "H"), ("minibatch", "M"), ("draws", "L"), ("threads", "")):
            number = getattr(self, name)
            if not isinstance(number, int) or number < 1:
                symbol = f" ({symbol})" if symbol else ""
                raise ValueError(f"{name}{symbol} is a whole number from 1 up; got {number}")
        if self.threads > MOST_THREADS:
            raise ValueError(f"threads is at most {MOST_THREADS}; got {self.threads}")
        if self.minibatch > self.N:
            raise ValueError(
                f"minibatch (M) is {self.minibatch}, but there are only {self.N} training points; "
                f"take a minibatch of {self.N} or fewer"
            )
        if self.samples < 0:
            raise ValueError(f"samples is 0 or more; got {self.samples}")
        for name, known in (
            ("method", tuple(METHODS)),
            ("estimator", ESTIMATORS),
            ("optimizer", OPTIMIZERS),
            ("prior", PRIORS),
            ("start", STARTS),
            ("freeze", FREEZES),
            ("sampling", SAMPLINGS),
            ("dtype", DTYPES),
            ("decoder", tuple(DECODERS)),
            ("hidden_unit", tuple(HIDDEN_UNITS)),
        ):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} is one of {', '.join(known)}; got {getattr(self, name)!r}")
        if self.log_var_floor is not None and not math.isfinite(self.log_var_floor):
            raise ValueError(f"a floor for the log-variance is a finite number; got {self.log_var_floor}")
        if self.log_var_floor is not None and "log_var_floor" not in DECODERS[self.decoder].settings:
            name = self.decoder.capitalize()
            raise ValueError(f"a floor for the log-variance belongs to the Gaussian decoder; this one is {name}")
        if self.warmup and self.optimizer != "adagrad":
            raise ValueError(f"a warm-up belongs to Adagrad; {self.optimizer} has none. Leave it out, or give 0")

    @property
    def updates_per_step(self) -> int:
        """How often a step moves the parameters."""
        return METHODS[self.method].updates

    @property
    def samples_per_step(self) -> int:
        """Datapoints in the updates of a step: what lengths are counted in."""
        return self.minibatch * self.updates_per_step

    @property
    def data_name(self) -> str:
        """The data's name without the folders of one's own file."""
        return Path(self.data).stem

    def model(self) -> VAE:
        """The model that these settings describe."""
        D, H, J, unit = self.image_shape[0] * self.image_shape[1], self.hidden, self.latent, self.hidden_unit
        kind = DECODERS[self.decoder]
        decoder = kind(J, H, D, unit=unit, **{name: getattr(self, name) for name in kind.settings})
        return VAE(decoder, GaussianMLP(D, H, J, unit=unit))

    def make_optimizer(self) -> Optimizer:
        """The optimiser that these settings describe, with nothing seen yet."""
        if self.optimizer == "adagrad":
            # the author sums over the minibatch where this project takes the mean: his 1e-8 is this much here
            return Adagrad(self.step, self.warmup, epsilon=1e-8 / self.minibatch**2)
        return {"sgd": SGD, "adam": Adam}[self.optimizer](self.step)

    def as_dict(self) -> dict[str, Any]:
        """For JSON; `Config.from_dict` reads it back."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, settings: dict[str, Any]) -> "Config":
        """Settings as `as_dict` gives them, checked again.

        Raises
        ------
        ValueError
            If one is missing or unknown.
        """
        try:
            return cls(**{**settings, "image_shape": tuple(settings["image_shape"])})
        except (TypeError, KeyError) as error:
            raise ValueError(f"these are not the settings of a run of this version ({error})") from None


def configure(dataset: Dataset, **chosen: Any) -> Config:
    """The settings for a data set: what was chosen, and for the rest what the paper and its author's code say.

    Step sizes are those that match the paper's curves: on Bernoulli data 0.01 for J = 5 and J >= 20 and 0.02 elsewhere,
    0.02 for the Gaussian decoder; what suits the drawn data is in `DEFAULTS` and below.
    """
    unknown = set(chosen) - {f.name for f in dataclasses.fields(Config)}
    if unknown:
        raise ValueError(f"no setting is called {', '.join(sorted(unknown))}")
    plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in chosen.items()}
    chosen = {name: value for name, value in plain.items() if value is not None}
    method = METHODS.get(chosen.get("method", "aevb"))
    for foreign in (set(OWN_SETTINGS) & set(chosen)) - set(method.settings if method else OWN_SETTINGS):
        having = [one.name for one in METHODS.values() if foreign in one.settings]
        raise ValueError(
            f"{foreign}: for the method{'s' * (len(having) > 1)} {' and '.join(having)}; {chosen['method']} has none. "
            "Leave it out"
        )
    name = chosen.get("data", dataset.name)  # one's own file may be called like a known data set
    chosen = {**DEFAULTS.get(name, {}), **chosen}
    decoder = chosen.setdefault("decoder", dataset.decoder)
    J = chosen.setdefault("latent", 2)
    optimizer = chosen.setdefault("optimizer", "adagrad")
    adagrad = 0.02 if decoder == "gaussian" or (J < 20 and J != 5) else 0.01
    if name == "digits" and J == 2 and decoder == "bernoulli":
        adagrad = 0.1
    settings: dict[str, Any] = {
        "data": dataset.name,
        "N": len(dataset.x_train),
        "image_shape": tuple(dataset.image_shape),
        "divisor": dataset.divisor,
        "binarize": dataset.binarize,
        "digest": dataset.digest,
        "description": dataset.describe(),
        "sigmoid_mean": decoder == "gaussian" and dataset.within_unit_interval(),
        "hidden": 200,
        "log_var_floor": None,
        "step": {"adagrad": adagrad, "adam": 0.001, "sgd": 0.001}.get(optimizer),
        "warmup": 0,
        "samples": 400_000,
        "minibatch": method.minibatch(len(dataset.x_train)) if method else 100,
        "versions": versions(chosen.get("threads", 1)),
    }
    config = Config(**{**settings, **chosen})
    return config if "warmup" in chosen else dataclasses.replace(config, warmup=usual_warmup(config))


def usual_warmup(config: Config) -> int:
    """The warm-up where none was asked for: the author's 100 gradients, or a tenth of a run of less than 1000."""
    gradients = -(-config.samples // config.samples_per_step) * config.updates_per_step
    return min(WARM_UP, gradients // 10) if config.optimizer == "adagrad" else 0


def units(config: Config) -> str:
    """The hidden units in words, for a line that names the sizes; nothing for the paper's."""
    return "" if config.hidden_unit == "tanh" else f", {config.hidden_unit} units"


def versions(threads: int) -> dict[str, Any]:
    """What the bits of a result depend on beside the settings: Python, NumPy, BLAS, its kernel and its threads."""
    found = [library for library in threadpool_info() if library["user_api"] == "blas"]
    found.sort(key=lambda library: "numpy" not in library["filepath"])  # SciPy brings one of its own
    blas = found[0] if found else {}
    return {
        "aevb_np": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": metadata.version("scipy"),
        "blas": f"{blas.get('internal_api', 'unknown')} {blas.get('version', '')}".strip(),
        "kernel": blas.get("architecture", "unknown"),
        "threads": threads,
    }
