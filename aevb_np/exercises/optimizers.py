"""E10: one step of Adagrad, number by number."""

import numpy as np

from aevb_np import optimizers, written_out
from aevb_np.exercises.exercise import Exercise, Slip
from aevb_np.exercises.report import CODE, SHAPE
from aevb_np.exercises.trial import agree, call, kept, numbers, stop

STEP, EPSILON = 0.1, 1e-2


def gradients(sizes, rng):
    """Parameters and three gradients."""
    return {name: rng.standard_normal(sizes.D) for name in ("w", "g1", "g2", "g3")}


def moved(optimizer, w, g):
    """w after this gradient."""
    optimizer.ascend(w, g)
    return w


def trace(function, given, warmup=0):
    """w and G after each of three steps."""
    optimizer = call(function, STEP, warmup, EPSILON, place="Adagrad")
    if not isinstance(optimizer, optimizers.Optimizer):
        stop(SHAPE, "Adagrad", "no optimiser", "Adagrad must be a class of its own: class Adagrad(aevb_np.Adagrad)")
    w = given["w"].copy()
    for name in ("g1", "g2", "g3"):
        g = given[name].copy()
        call(moved, optimizer, w, g, place="move")
        kept({"the gradient": g}, {"the gradient": given[name]}, "move")
        G = optimizer.arrays.get("G")
        if G is g or G is w or np.shares_memory(G, g):
            stop(CODE, "move", "two names for one array", "G and the gradient share their memory; G needs its own")
        yield numbers(w.copy(), w.shape, "w"), numbers(np.array(G), w.shape, "G")


def first_step(functions, given, sizes, seed):
    """G holds one square; the step is step g / sqrt(G)."""
    w, G = next(trace(functions[0], given))
    squares = EPSILON + given["g1"] ** 2
    text = f"G starts from epsilon = {EPSILON} and gains g^2"
    agree(G, squares, "G after one step", text, {}, inputs={"g": given["g1"]})
    text = "after one step w has moved by step g / sqrt(G), uphill"
    inputs = {"step": np.full_like(w, STEP), "g": given["g1"], "G": squares}
    agree(w - given["w"], STEP * given["g1"] / np.sqrt(squares), "how far w has moved", text, {}, inputs=inputs)


def three_steps(functions, given, sizes, seed):
    """G remembers."""
    steps, before, squares = list(trace(functions[0], given)), given["w"], np.full(sizes.D, EPSILON)
    for number, (w, G) in enumerate(steps, 1):
        g = given[f"g{number}"]
        squares = squares + g**2
        agree(G, squares, f"G after step {number}", "G is the sum of the squares of all gradients so far", {})
        text = f"step {number} moves w by step g / sqrt(G), with the new square in G already"
        agree(w - before, STEP * g / np.sqrt(squares), f"w after step {number}", text, {})
        before = w


def warm_up(functions, given, sizes, seed):
    """The first gradients are gathered only."""
    (w1, _), (w2, _), (w3, _) = trace(functions[0], given, warmup=2)
    text = "with warmup=2 the first two gradients are only gathered in G, and w stays where it is"
    agree(np.stack([w1, w2]), given["w"], "w during the warm-up", text, {})
    squares = EPSILON + given["g1"] ** 2 + given["g2"] ** 2 + given["g3"] ** 2
    text = "with warmup=2 the third gradient is the first that moves w"
    agree(w3 - w2, STEP * given["g3"] / np.sqrt(squares), "w after the third gradient", text, {})


E10 = Exercise(
    "E10",
    "one step of Adagrad",
    "section 5",
    1,
    10,
    ("Adagrad",),
    (written_out.Adagrad,),
    gradients,
    (
        ("one step: G and w, changed in place; the gradient is left alone", first_step),
        ("three steps: G remembers", three_steps),
        ("the warm-up: gathered, not moved", warm_up),
    ),
    lambda functions, given, sizes: {
        str(warmup): lambda k=warmup: np.array(list(trace(functions[0], given, k))) for warmup in (0, 2)
    },
    (
        "Every weight has a step size of its own: small where its gradients have been large. G is its memory, "
        "and it is "
        "an array that outlives the call: write into it, do not bind its name to a new one.",
        "G += g^2;   w += step g / sqrt(G), from gradient number warmup + 1 on. self.t counts the gradients, "
        "this one included.",
        "G += ...;  if self.t > ...:  flat += self.step * ... / np.sqrt(...)",
    ),
    (
        Slip("G = G + g^2 makes a new array, and the memory never sees it", "G += scratch", "G = G + scratch"),
        Slip("G forgets: it holds the last square only", "G += scratch", "G[:] = scratch"),
        Slip("the root is left out", "np.sqrt(G, out=scratch)", "scratch[:] = G"),
        Slip("downhill: the bound is to go up", "flat += scratch", "flat -= scratch"),
        Slip(
            "flat = flat + ... makes a new array, and the parameters never move",
            "flat += scratch",
            "flat = flat + scratch",
        ),
        Slip("the warm-up ends one gradient too early", "self.t > self.warmup", "self.t >= self.warmup"),
        Slip("the warm-up is left out", "if self.t > self.warmup", "if self.t"),
        Slip(
            "the gradient's own array is squared, and the caller's gradient is gone",
            "scratch = grad * grad",
            "scratch = grad\n        scratch *= grad",
        ),
    ),
)
