"""The sums that BLAS adds in place are the plain ones, for every kind of number and however an array lies in memory."""

import numpy as np
import pytest

from aevb_np import distributions, in_place_sums, layers, written_out
from aevb_np.in_place_sums import add_product, add_scaled
from aevb_np.optimizers import Adagrad
from aevb_np.params import Params

KINDS = ("float32", "float64", "complex64", "complex128", "float16", "longdouble")


@pytest.fixture(autouse=True)
def small_is_large(monkeypatch):
    monkeypatch.setattr(in_place_sums, "LARGE", 1)


def draw(rng, kind, *shape):
    numbers = rng.standard_normal(shape) + (1j * rng.standard_normal(shape) if kind.startswith("complex") else 0)
    return numbers.astype(kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("M, n, m", [(7, 11, 5), (1, 3, 2), (5, 1, 1), (0, 3, 2), (4, 0, 3), (4, 3, 0)])
def test_a_product_is_added_where_the_array_is(kind, M, n, m):
    rng = np.random.default_rng(0)
    flat = draw(rng, kind, n * m + 3)
    C, A, B = flat[3:].reshape(n, m), draw(rng, kind, M, n), draw(rng, kind, M, m)  # a window, as in Params
    expected, before = C + A.T @ B, flat[:3].copy()
    A.flags.writeable = B.flags.writeable = False
    add_product(C, A, B)
    tolerance = 50 * np.finfo(kind).eps
    assert np.allclose(flat[3:].reshape(n, m), expected, rtol=tolerance, atol=tolerance)
    assert np.array_equal(flat[:3], before)


@pytest.mark.parametrize("kind", KINDS)
def test_a_scaled_vector_is_added_where_the_array_is(kind):
    rng = np.random.default_rng(0)
    y, x = draw(rng, kind, 50), draw(rng, kind, 50)
    whole, expected = y, y + 0.25 * x
    add_scaled(y, 0.25, x)
    assert np.allclose(whole, expected, rtol=4 * np.finfo(kind).eps) and y is whole


def test_arrays_with_gaps_of_other_dtypes_and_transposed_ones_take_the_plain_way():
    rng = np.random.default_rng(0)
    for C in (np.zeros((6, 8))[:, ::2], np.zeros((4, 6)).T, np.zeros((6, 4), np.float32)):
        A, B = rng.standard_normal((7, 6)), rng.standard_normal((7, 4))
        expected = C + A.T @ B
        add_product(C, A, B)
        assert np.allclose(C, expected, rtol=1e-6, atol=1e-6)
    A, B, C = rng.standard_normal((6, 7)).T, rng.standard_normal((7, 8))[:, ::2], np.zeros((6, 4))
    add_product(C, A, B)
    assert np.allclose(C, A.T @ B)


def test_nan_and_infinity_are_added_too():
    A, B, C = np.ones((3, 4)), np.ones((3, 5)), np.zeros((4, 5))
    A[1, 2], B[0, 1] = np.nan, np.inf
    with np.errstate(invalid="ignore"):
        expected = C + A.T @ B
        add_product(C, A, B)
    assert np.array_equal(C, expected, equal_nan=True)


def test_large_arrays_are_really_handed_to_blas(monkeypatch):
    """The fast way is taken at the paper's sizes, or the test above would compare the plain one with itself."""
    asked = []
    monkeypatch.setattr(in_place_sums, "LARGE", 100_000)
    monkeypatch.setattr(in_place_sums, "routine", lambda *what: asked.append(what) or (lambda *a, **k: None))
    add_product(np.zeros((784, 500), np.float32), np.ones((2, 784), np.float32), np.ones((2, 500), np.float32))
    add_product(np.zeros((500, 20), np.float32), np.ones((2, 500), np.float32), np.ones((2, 20), np.float32))
    add_scaled(np.zeros(500), 1.0, np.zeros(500))
    assert asked == [("gemm", "f"), ("axpy", "d")]


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_the_package_and_its_slow_twins_are_the_same(kind):
    """`affine` and `bernoulli_log_prob`, values and backwards, as they are written out."""
    rng, tolerance = np.random.default_rng(1), 100 * np.finfo(kind).eps
    p, q = (Params({"W": (11, 5), "b": (5,)}, draw(np.random.default_rng(2), kind, 60)) for _ in range(2))
    x, dy = draw(rng, kind, 7, 11), draw(rng, kind, 7, 5)
    (y, backward), (y_out, backward_out) = layers.affine(p, x), written_out.affine(q, x)
    for mine, theirs in ((y, y_out), (backward(dy), backward_out(dy)), (p.grad, q.grad)):
        assert np.allclose(mine, theirs, rtol=tolerance, atol=tolerance)
    bits, logits, weight = (rng.random((7, 9)) < 0.5).astype(kind), 10 * draw(rng, kind, 7, 9), draw(rng, kind, 7)
    (log_p, backward), (log_p_out, backward_out) = (
        module.bernoulli_log_prob(bits, logits) for module in (distributions, written_out)
    )
    assert np.allclose(log_p, log_p_out, rtol=tolerance, atol=100 * tolerance)
    assert np.allclose(backward(weight), backward_out(weight), rtol=tolerance, atol=10 * tolerance)
    (w, mine), (w_out, theirs) = ((np.zeros(60, kind), one(0.1, warmup=1)) for one in (Adagrad, written_out.Adagrad))
    for _ in range(3):
        g = draw(rng, kind, 60)
        mine.ascend(w, g)
        theirs.ascend(w_out, g)
    assert np.allclose(w, w_out, rtol=tolerance) and np.abs(w).max() > 0.05


def test_far_out_the_bernoulli_slope_is_better_than_a_sigmoid():
    """Where y is small, 1 - sigmoid loses digits and exp(a - softplus(a)) keeps them."""
    logits = np.array([[-80.0, -30.0, 30.0, 80.0]], np.float32)
    _, backward = distributions.bernoulli_log_prob(np.zeros((1, 4), np.float32), logits)
    exact = -1 / (1 + np.exp(-logits.astype(float)))
    assert np.allclose(backward(np.ones(1, np.float32)), exact, rtol=1e-5, atol=0)
