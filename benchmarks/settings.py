"""The models that are timed, and what each of those who compete is given: the same start, images and settings."""

import functools
from dataclasses import dataclass

from aevb_np import VAE, data, stream
from aevb_np.data import Dataset

STEP = 0.01


@dataclass(frozen=True)
class Setting:
    """D-H-J, M datapoints a minibatch, L samples of z each."""

    name: str
    D: int = 784
    H: int = 500
    J: int = 20
    M: int = 100
    L: int = 1
    decoder: str = "bernoulli"

    @property
    def epsilon(self) -> float:
        """What Adagrad's sum of squares starts from, for gradients of a mean over M."""
        return 1e-8 / self.M**2

    def model(self) -> VAE:
        return (VAE.bernoulli if self.decoder == "bernoulli" else VAE.gaussian)(self.D, self.H, self.J)

    def start(self):
        """Where everybody starts from: a flat vector with names."""
        return self.model().init(stream("init", 0))

    @functools.cached_property
    def dataset(self) -> Dataset:
        """10,000 images that the package draws itself, of the size of MNIST's or of Frey Face's."""
        return data.digits() if self.decoder == "bernoulli" else data.faces()

    @property
    def steps(self) -> int:
        """Of an epoch."""
        return len(self.dataset.x_train) // self.M


SETTINGS = (
    Setting("M = 100"),
    Setting("J = 200", J=200),
    Setting("H = 100, J = 3", H=100, J=3),
    Setting("H = 1000", H=1000),
    Setting("M = 20", M=20),
    Setting("M = 500", M=500),
    Setting("L = 5", L=5),
    Setting("Frey Face", D=560, H=200, J=10, decoder="gaussian"),
)
