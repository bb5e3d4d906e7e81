"""Hybrid (Hamiltonian) Monte Carlo: draws from a density known only up to a factor, by its gradient. Appendices D, E.

Think of z as the place of a ball on the landscape -log p(z) and of v as its momentum. The ball gets a random push and
rolls for S short steps. Where it ends is the next draw, unless the steps were too coarse to keep its energy

    H(z, v) = -log p(z) + 1/2 |v|^2.

C chains run side by side, one in every row of z. The density is a function `target(z, value=True)` that returns log p
(C,), up to a constant, and its gradient in z (C, J). With value=False nobody looks at log p and it may be None: on the
way only the gradient counts.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

UP = 1.02  # what an accepted move multiplies the step by


def leapfrog(
    target: Callable, z: NDArray, v: NDArray, step: ArrayLike, S: int
) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Roll for S steps:   v += 1/2 step grad log p(z),   z += step v,   v += 1/2 step grad log p(z).

    Each of the three lines shears the (z, v) plane and so keeps its volume; and the same walk from (z, -v) leads back
    to the start. These two facts make `move` right. The energy is off by O(step^2).

    Parameters
    ----------
    target : function
        target(z, value) -> log p and its gradient, as above.
    z, v : array, (C, J)
        Places and momenta.
    step : float or array, (C, 1)
        One for all chains, or one for each.
    S : int
        Steps.

    Returns
    -------
    z, v : array, (C, J)
        Where the chains arrive.
    log_p_start, log_p : array, (C,)
        log p at the start and at the end; nowhere else is it asked for.
    """
    step = np.asarray(step, z.dtype)
    if step.shape not in ((), (len(z), 1)):
        raise ValueError(f"the step is a number or, for {len(z)} chains, an array ({len(z)}, 1); got {step.shape}")
    if S < 1:
        raise ValueError(f"S, the leapfrog steps of a move, is 1 or more; got {S}")
    log_p_start, gradient = target(z, value=True)
    for s in range(1, S + 1):
        v = v + 0.5 * step * gradient
        z = z + step * v
        log_p, gradient = target(z, value=s == S)
        v = v + 0.5 * step * gradient
    return z, v, log_p_start, log_p


def move(
    target: Callable, z: NDArray, step: ArrayLike, S: int, rng: np.random.Generator
) -> tuple[NDArray, NDArray, NDArray]:
    """One move of every chain: v ~ N(0, I), roll, accept with probability min(1, exp(H_start - H)).

    Parameters
    ----------
    target, z, step, S
        As for `leapfrog`.
    rng : Generator
        Draws the momenta, and decides.

    Returns
    -------
    z : array, (C, J)
        Where the chains are now: for those that were rejected, where they were.
    accepted : array of bool, (C,)
        A move that ends where the energy is not finite is never accepted.
    log_p : array, (C,)
        log p at z.

    Examples
    --------
    >>> def normal(z, value=True):                 # N(2, 1), up to a constant
    ...     return -0.5 * ((z - 2) ** 2).sum(axis=1), 2 - z
    >>> z = np.full((1000, 1), 9.0)                # a thousand chains, all started at 9
    >>> rng = np.random.default_rng(0)
    >>> for _ in range(20):
    ...     z, accepted, log_p = move(normal, z, 0.5, 4, rng)
    >>> print(f"mean {z.mean():.1f}, variance {z.var():.1f}")
    mean 2.0, variance 1.0
    """
    v = rng.standard_normal(z.shape, dtype=z.dtype)
    with np.errstate(all="ignore"):  # a ball may fly off to infinity: it is brought back
        z_end, v_end, log_p_start, log_p_end = leapfrog(target, z, v, step, S)
        H_start = -log_p_start + 0.5 * (v**2).sum(axis=1)
        H_end = -log_p_end + 0.5 * (v_end**2).sum(axis=1)
        accepted = np.isfinite(H_end) & (rng.random(len(z)) < np.exp(H_start - H_end))
    return np.where(accepted[:, None], z_end, z), accepted, np.where(accepted, log_p_end, log_p_start)


def tune(step: ArrayLike, accepted: NDArray, acceptance: float = 0.9) -> NDArray:
    """The steps for the next move, (C, 1): a little longer where the last one was accepted, else shorter.

    With u = log 1.02, log step goes up by u or down by u a / (1 - a). So it stands still on average when a share a of
    the moves is accepted. A step that follows the chain does not quite keep p(z): tune first, then freeze.
    """
    if not 0 < acceptance < 1:
        raise ValueError(f"the acceptance to tune to lies between 0 and 1; got {acceptance}")
    down = UP ** (-acceptance / (1 - acceptance))
    return np.where(accepted[:, None], np.multiply(step, UP), np.multiply(step, down))


def jittered(step: NDArray, rng: np.random.Generator, jitter: float = 0.2) -> NDArray:
    """Each chain's step times a random number, uniform between 1 - jitter and 1 + jitter.   (C, 1) -> (C, 1)

    A walk of constant length can lead in a circle. In the round bowl -log p = z^2 / 2 three steps of 1 go from z to -z
    whatever the push, the next three back to z, for ever.
    """
    if not 0 <= jitter < 1:
        raise ValueError(f"the jitter of the steps is 0 or more and less than 1; got {jitter}")
    return step * rng.uniform(1 - jitter, 1 + jitter, step.shape)


@dataclass(frozen=True)
class Draws:
    """L draws from each of C chains.

    Attributes
    ----------
    z : array, (L, C, J)
        The draws: those of one chain resemble their neighbours.
    log_p : array, (L, C)
        log p at each.
    acceptance : array, (C,)
        The share of moves accepted, with the steps frozen.
    step : array, (C, 1)
        The steps that the tuning ended with.
    """

    z: NDArray
    log_p: NDArray
    acceptance: NDArray
    step: NDArray


def sample(
    target: Callable,
    z: NDArray,
    S: int,
    burn_in: int,
    L: int,
    rng: np.random.Generator,
    step: ArrayLike = 0.1,
    acceptance: float = 0.9,
    jitter: float = 0.2,
) -> Draws:
    """L draws from every chain, one after each move, once `burn_in` moves have tuned its step.

    Every move takes the chain's step times a random number near 1, by `jittered`.

    Parameters
    ----------
    target, S
        As for `leapfrog`.
    z : array, (C, J)
        Where the chains start.
    burn_in, L : int
        Moves whose end is thrown away, and moves whose end is kept.
    rng : Generator
    step : float or array, (C, 1)
        To start with. A hundred accepted moves make it seven times as long; at 90 % it shortens nine times as fast.
    acceptance : float
        What to tune to.
    jitter : float
        How far from 1 that number can be.
    """
    if L < 1:
        raise ValueError(f"L, the draws from each chain, is 1 or more; got {L}")
    if burn_in < 0:
        raise ValueError(f"burn_in, the moves before the first draw, is 0 or more; got {burn_in}")
    steps = np.full((len(z), 1), step, z.dtype)
    if not ((steps > 0) & np.isfinite(steps)).all():
        raise ValueError(f"the leapfrog step is a finite number above 0; got {steps.min():g}")
    for _ in range(burn_in):
        z, accepted, _ = move(target, z, jittered(steps, rng, jitter), S, rng)
        steps = tune(steps, accepted, acceptance)
    draws, log_p, taken = np.empty((L, *z.shape), z.dtype), np.empty((L, len(z)), z.dtype), np.zeros(len(z))
    for l in range(L):
        z, accepted, log_p[l] = move(target, z, jittered(steps, rng, jitter), S, rng)
        draws[l] = z
        taken += accepted
    return Draws(draws, log_p, taken / L, steps)
