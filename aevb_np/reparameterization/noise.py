"""The noise that the samplers start from: draws without parameters to learn, of a given shape and dtype.

Each takes a generator, the shape of z, a dtype and what the noise itself depends on.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aevb_np.reparameterization.ranges import ranged


def uniform(rng: np.random.Generator, shape: tuple, dtype: Any = np.float64) -> NDArray:
    """Uniform on (0, 1) without its ends, for an inverse CDF may be infinite there.

    `rng.random` never is 1, but in float32 one draw in 16 million is 0: it becomes half of the smallest other draw.
    """
    return np.maximum(rng.random(shape, dtype), np.finfo(dtype).epsneg / 2)


def two_uniforms(rng: np.random.Generator, shape: tuple, dtype: Any = np.float64) -> NDArray:
    """Two auxiliary variables for every number of z.   (2, *shape)"""
    return uniform(rng, (2, *shape), dtype)


@ranged
def k_uniforms(rng: np.random.Generator, shape: tuple, dtype: Any = np.float64, *, k: int) -> NDArray:
    """k auxiliary variables for every number of z.   (k, *shape)"""
    return uniform(rng, (k, *shape), dtype)


def normal(rng: np.random.Generator, shape: tuple, dtype: Any = np.float64) -> NDArray:
    """N(0, 1)."""
    return rng.standard_normal(shape, dtype)


def laplace(rng: np.random.Generator, shape: tuple, dtype: Any = np.float64) -> NDArray:
    """Laplace with location 0 and scale 1."""
    return rng.laplace(size=shape).astype(dtype)


def logistic(rng: np.random.Generator, shape: tuple, dtype: Any = np.float64) -> NDArray:
    """Logistic with location 0 and scale 1."""
    return rng.logistic(size=shape).astype(dtype)


@ranged
def student_t(rng: np.random.Generator, shape: tuple, dtype: Any = np.float64, *, df: float) -> NDArray:
    """Student's t with df degrees of freedom."""
    return rng.standard_t(df, shape).astype(dtype)


@ranged
def triangular(rng: np.random.Generator, shape: tuple, dtype: Any = np.float64, *, mode: float) -> NDArray:
    """Triangular on (0, 1) with its peak at `mode`."""
    return rng.triangular(0, mode, 1, shape).astype(dtype)


@ranged
def spherical(rng: np.random.Generator, shape: tuple, dtype: Any = np.float64, *, df: float) -> NDArray:
    """Rows whose direction is uniform on the sphere: multivariate Student with df degrees of freedom, N(0, I) for inf.

    Another law of the radius is as good: multiply rows of length 1 with it.
    """
    eps = rng.standard_normal(shape)
    radius = 1 if df == math.inf else np.sqrt(df / rng.chisquare(df, (*shape[:-1], 1)))
    return (radius * eps).astype(dtype)
