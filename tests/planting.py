"""Known bugs, planted in the package's own source in memory: each a text that occurs exactly once, and another for it.

The checker must find them and say what they are, which it works out from the gradients alone.

A mutant of the encoder alone is a `VAE` whose encoder comes from the mutated modules and whose decoder does not. So one
line about `GaussianMLP`, which serves as both, is three different bugs.
"""

import builtins
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import aevb_np
from aevb_np.checks.problem import Point
from aevb_np.checks.reference import taken
from aevb_np.model import VAE
from aevb_np.networks import BernoulliMLP, GaussianMLP

ROOT = Path(aevb_np.__file__).parent
FILES = (
    "layers.py", "distributions.py", "reparameterization/location_scale.py", "reparameterization/rows.py",
    "networks.py", "model.py", "estimators.py",
)  # fmt: skip
ENCODER, DECODER, ALL = "encoder", "decoder", "all"


class Mutant(NamedTuple):
    """One bug: its name, where it is planted, who has it, and what to say to whoever wrote it."""

    name: str
    file: str
    find: str
    instead: str
    who: str
    text: str


@cache
def source(file: str) -> str:
    """The text of one module of the package."""
    return (ROOT / file).read_text(encoding="utf-8")


def planted(mutant: Mutant) -> str:
    """The text of the module with the bug.

    Raises
    ------
    ValueError
        If what is to be replaced does not occur exactly once: the package has changed and the table has not.
    """
    if source(mutant.file).count(mutant.find) != 1:
        raise ValueError(f"{mutant.file} must hold this text once, for {mutant.name!r}:\n{mutant.find}")
    return source(mutant.file).replace(mutant.find, mutant.instead)


@cache
def compiled(file: str) -> Any:
    """A module as it is, compiled once for all mutants of others."""
    return compile(source(file), str(ROOT / file), "exec")


def modules(mutant: Mutant) -> dict[str, Any]:
    """The modules that make a VAE, with the bug in one of them; nothing that others import is touched."""
    made: dict[str, Any] = {}

    def importing(name, globals=None, locals=None, fromlist=(), level=0):
        return made[name] if name in made else builtins.__import__(name, globals, locals, fromlist, level)

    for file in FILES:
        name = "aevb_np." + file.removesuffix(".py").replace("/", ".")
        module = ModuleType(name)
        module.__dict__["__builtins__"] = {**vars(builtins), "__import__": importing}
        exec(compile(planted(mutant), name, "exec") if file == mutant.file else compiled(file), module.__dict__)
        made[name] = module
        if file.endswith("rows.py"):
            sampler, rows = made["aevb_np.reparameterization.location_scale"], module
            made["aevb_np.reparameterization"] = SimpleNamespace(
                gaussian=sampler.gaussian, repeat=rows.repeat, repeat_rows=rows.repeat_rows
            )
    return made


@cache
def gradient_of(mutant: Mutant, like: "Sizes") -> Callable[[Point], dict[str, NDArray]]:
    """The gradient of the bound, summed over the rows, that this bug makes, as a function of the point."""
    made = modules(mutant)
    wrong = made["aevb_np.networks"]
    decoders, encoders = (wrong if mutant.who in (who, ALL) else None for who in (DECODER, ENCODER))
    prior = made["aevb_np.distributions"].StandardNormal()
    model = VAE(like.decoder(decoders), like.encoder(encoders), prior)
    estimators = made["aevb_np.estimators"]

    def gradient(at: Point) -> dict[str, NDArray]:
        at.p.grad[:] = 0
        _, backward = estimators.sgvb_b(model, at.p.theta, at.p.phi, at.x, at.eps)
        backward(np.ones(len(at.x)))
        return taken(at.p)

    return gradient


class Sizes(NamedTuple):
    """What a model is built from, so that another can be built from other modules."""

    bernoulli: bool
    sigmoid_mean: bool
    D: int
    H: tuple[int, int]
    J: int

    @classmethod
    def of(cls, model: VAE) -> "Sizes":
        """Those of a model."""
        decoder: Any = model.decoder
        bernoulli = isinstance(decoder, BernoulliMLP)
        H = decoder.H, model.encoder.H
        return cls(bernoulli, not bernoulli and decoder.sigmoid_mean, model.D, H, model.J)

    def decoder(self, networks: Any) -> Any:
        """p(x|z) from one module `networks` or, with None, the package's own."""
        sizes = self.J, self.H[0], self.D
        if self.bernoulli:
            return (networks.BernoulliMLP if networks else BernoulliMLP)(*sizes)
        return (networks.GaussianMLP if networks else GaussianMLP)(*sizes, self.sigmoid_mean)

    def encoder(self, networks: Any) -> Any:
        """q(z|x), likewise."""
        return (networks.GaussianMLP if networks else GaussianMLP)(self.D, self.H[1], self.J)
