"""Every density of section 2.4 at its ends, far out in its tails, for parameters from 1e-3 to 1e8, and at NaN:
held against formulas that mpmath evaluates with fifty digits, in which nothing overflows or cancels.
"""

import itertools
import math

import mpmath
import numpy as np
import pytest
from mpmath import mp, mpf
from test_reparameterization import PARAMETERS, parameters_of, settings_of

from aevb_np.reparameterization import DISTRIBUTIONS, noise
from aevb_np.reparameterization.stirling import remainder

mp.dps = 50
ROW = {row.name: row for row in DISTRIBUTIONS}
EVERY = pytest.mark.parametrize("row", DISTRIBUTIONS, ids=lambda row: f"{row.name}, {row.family}")


def power(a, e):
    """(a - 1) log e."""
    return mpf(0) if a == 1 else (a - 1) * mp.log(e)


def log_beta(a, b):
    return mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b)


def gamma(z, a, s):
    return -mp.inf if z < 0 else power(a, z / s) - z / s - mp.loggamma(a) - mp.log(s)


def student(e, df):
    if df == mp.inf:
        return -(e * e + mp.log(2 * mp.pi)) / 2
    constant = mp.loggamma((df + 1) / 2) - mp.loggamma(df / 2) - mp.log(mp.pi * df) / 2
    return constant - (df + 1) / 2 * mp.log1p(e * e / df)


def triangular(e, mode):
    if not 0 <= e <= 1:
        return -mp.inf
    return mp.log(2) + (mp.log(e / mode) if e < mode or mode == 1 else mp.log((1 - e) / (1 - mode)))


def f(z, a, b):
    """For a and b half the degrees of freedom."""
    if z < 0:
        return -mp.inf
    return a * mp.log(a / b) + power(a, z) - (a + b) * mp.log1p(a * z / b) - log_beta(a, b)


EXACT = {
    "Exponential": lambda z, s: -mp.inf if z < 0 else -z / s - mp.log(s),
    "Cauchy": lambda z, m, s: -mp.log(mp.pi) - mp.log1p(((z - m) / s) ** 2) - mp.log(s),
    "Logistic": lambda z, m, s: -abs(z - m) / s - 2 * mp.log1p(mp.exp(-abs(z - m) / s)) - mp.log(s),
    "Rayleigh": lambda z, s: -mp.inf if z < 0 else mp.log(z / s) - (z / s) ** 2 / 2 - mp.log(s),
    "Pareto": lambda z, a, s: -mp.inf if z < s else mp.log(a) - (a + 1) * mp.log(z / s) - mp.log(s),
    "Weibull": lambda z, a, s: -mp.inf if z < 0 else mp.log(a) + power(a, z / s) - (z / s) ** a - mp.log(s),
    "Reciprocal": lambda z, a, b: mp.log(1 / (z * mp.log(b / a))) if a <= z <= b else -mp.inf,
    "Gompertz": lambda z, a, s: -mp.inf if z < 0 else mp.log(a) + z / s - a * mp.expm1(z / s) - mp.log(s),
    "Gumbel": lambda z, m, s: -(z - m) / s - mp.exp(-(z - m) / s) - mp.log(s),
    "Erlang": gamma,
    "Laplace": lambda z, m, s: -abs(z - m) / s - mp.log(2 * s),
    "Elliptical": lambda z, m, s, df: student((z - m) / s, df) - mp.log(s),
    "Student's t": lambda z, m, s, df: student((z - m) / s, df) - mp.log(s),
    "Uniform": lambda z, m, s: -mp.log(s) if m <= z <= m + s else -mp.inf,
    "Triangular": lambda z, m, s, mode: triangular((z - m) / s, mode) - mp.log(s),
    "Gaussian": lambda z, m, v: -(v + (z - m) ** 2 * mp.exp(-v) + mp.log(2 * mp.pi)) / 2,
    "Log-Normal": lambda z, m, v: (
        -mp.inf if z <= 0 else -(v + (mp.log(z) - m) ** 2 * mp.exp(-v) + mp.log(2 * mp.pi)) / 2 - mp.log(z)
    ),
    "Gamma": gamma,
    "Gamma of integer shape": lambda z, s, k: gamma(z, k, s),
    "Beta": lambda z, a, b: power(a, z) + power(b, 1 - z) - log_beta(a, b) if 0 <= z <= 1 else -mp.inf,
    "Chi-Squared": lambda z, df: gamma(z, df / 2, mpf(2)),
    "F": lambda z, dfn, dfd: f(z, dfn / 2, dfd / 2),
}
LOC, SCALE, SHAPE = [-1e4, 0.0, 1e-3], [1e-3, 1.0, 1e4], [1e-3, 0.5, 1.0, 2.0, 3.7, 1e4, 1e8]
VALUES = {
    "loc": LOC, "mu": LOC, "log_var": [-50.0, 0.0, 50.0], "A": SCALE, "scale": SCALE, "shape": SHAPE, "a": SHAPE,
    "b": SHAPE, "dfn": [1e-3, 1.0, 2.0, 7.0, 2e4, 1e8], "dfd": [1e-3, 1.0, 3.0, 2e4, 1e8],
    "df": [0.1, 1.0, 30.0, 1e6, 1e16, math.inf], "mode": [0.0, 0.3, 1.0], "k": [1, 2, 50], "alpha": SHAPE,
}  # fmt: skip
AT = [0.0, 1e-300, 1e-30, 1e-3, 0.3, 0.5, 1 - 1e-3, 1.0, 1 + 1e-3, 2.0, 30.0, 1e3, 1e8]


def grids(row):
    """Every combination of the row's parameters and settings."""
    names = (*row.parameters, *row.settings)
    values = [VALUES["df"][1:] if name == "df" and row.name == "Chi-Squared" else VALUES[name] for name in names]
    if row.name == "Erlang":
        values[0] = [1.0, 2.0, 1e4]
    if row.name == "Chi-Squared":
        values = [[1e-3, 1.0, 2.0, 7.0, 1e4, 1e8]]
    return [dict(zip(names, numbers)) for numbers in itertools.product(*values)]


def places(row, named):
    """Where the density is evaluated: its ends, next to them and outside, near its middle, and far out."""
    loc, scale = named.get("loc", named.get("mu", 0.0)), named.get("scale", named.get("A", 1.0))
    middle = named.get("shape", named.get("df", named.get("k", 1.0)))
    z = [loc + scale * e for e in (*AT, *(-e for e in AT))]
    z += [scale * middle * (1 + d) for d in (-1e-4, 1e-9, 1e-3) if middle < math.inf]
    z += [named["a"] / (named["a"] + named["b"]) * (1 + 1e-5), named["a"], named["b"]] if "a" in named else []
    return [*z, 1e200, -1e200]


@EVERY
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_every_density_from_end_to_end(row, dtype):
    """To 1e-10 in float64, and to 1e-6 in float32: relative, or in nats where log p is small."""
    if row.name == "Dirichlet":
        return  # below
    for named in grids(row):
        if row.name == "Reciprocal" and named["a"] >= named["b"]:
            continue
        with np.errstate(over="ignore", under="ignore"):
            z = np.array(places(row, named)).astype(dtype)
        z = z[np.isfinite(z)]
        if row.name in ("Uniform", "Triangular") and named["loc"]:  # the far end is where the sampler's rounding is
            z = z[np.abs(z - (named["loc"] + named["scale"])) > 1e-4 * named["scale"]]
        parameters = [np.full((1, 1), named[name], dtype) for name in row.parameters]
        settings = {name: named[name] for name in row.settings}
        exact_at = [mpf(float(p.item())) for p in parameters] + [mpf(v) for v in settings.values()]
        log_p, backward = row.log_prob(z[:, None], *parameters, **settings)
        assert log_p.dtype == dtype
        backward(np.ones(len(z), dtype))
        for at, ours in zip(z, log_p):
            exact = EXACT[row.name](mpf(float(at)), *exact_at)
            tolerance = (1e-10 if dtype == np.float64 else 1e-6) * (abs(exact) + 1)
            close = ours == exact or abs(mpf(float(ours)) - exact) <= tolerance
            lost = abs(exact) > np.finfo(dtype).max and math.isinf(ours)
            assert close or lost, f"{named} at {at!r}: {ours!r}, and exactly {mpmath.nstr(exact, 15)}"


def test_the_elliptical_density_in_more_dimensions():
    """Of independent columns with df = inf it is the product; and far out no square overflows."""
    rng, A = np.random.default_rng(0), np.diag([0.5, 2.0, 3.0])
    z, mu = rng.standard_normal((6, 3)), np.zeros(3)
    each = ROW["Gaussian"].log_prob(z, mu, 2 * np.log(np.diag(A)))[0]
    for df in (1e13, 1e16, math.inf):
        np.testing.assert_allclose(ROW["Elliptical"].log_prob(z, mu, A, df=df)[0], each, rtol=1e-11)
    far, _ = ROW["Elliptical"].log_prob(1e200 * z, mu, A, df=2.5)
    near, _ = ROW["Elliptical"].log_prob(1e100 * z, mu, A, df=2.5)
    np.testing.assert_allclose(near - far, 5.5 * 100 * math.log(10), rtol=1e-12)


@pytest.mark.parametrize("alpha", [(1, 1, 1), (1, 2, 1), (0.5, 3, 1), (1e4, 1e3, 1e-3), (1e8, 1e8, 2e8)])
@pytest.mark.parametrize("z", [(1, 0, 0), (0, 1, 0), (0.25, 0.25, 0.5), (1e-300, 1 - 1e-10, 1e-10), (0.3, 0.7, 0)])
def test_the_dirichlet_density_from_corner_to_corner(alpha, z):
    """Where 0 and infinity meet, as (0.5, 3, 1) has it in the third corner, no number is right."""
    ours = ROW["Dirichlet"].log_prob(np.array([z], float), np.array([alpha], float))[0][0]
    terms = [power(mpf(a), mpf(v)) for a, v in zip(alpha, z)]
    if {mp.inf, -mp.inf} <= set(terms):
        return
    exact = sum(terms) + mp.loggamma(sum(map(mpf, alpha))) - sum(mp.loggamma(mpf(a)) for a in alpha)
    assert ours == exact or abs(ours - exact) <= 1e-10 * max(abs(exact), 10 * sum(alpha) * 2e-6, 1)


def test_log_gammas_without_their_main_terms():
    for a in np.geomspace(1e-8, 1e17, 60).tolist():
        exact = mp.loggamma(a) - (mpf(a) - 0.5) * mp.log(a) + mpf(a) - mp.log(2 * mp.pi) / 2
        assert abs(float(remainder(np.asarray(a))) - exact) < 1e-14 * (1 + abs(exact))


@EVERY
def test_nan_is_never_hidden(row):
    """NaN in z or in a parameter, inside the support or outside, is NaN in log p and in the gradient of what is NaN."""
    parameters = [np.tile(p, (3, *[1] * p.ndim)) for p in parameters_of(row)]
    z, _ = row.sampler(*parameters, row.draw(np.random.default_rng(0), (3, 3), **settings_of(row)))
    for name, place in enumerate((z, *parameters)):
        for at in (z, np.full_like(z, -1e9)) if name else (z,):
            spoiled = [at.copy(), *(p.copy() for p in parameters)]
            spoiled[name][(1, *[0] * (place.ndim - 1))] = np.nan
            log_p, backward = row.log_prob(*spoiled, **settings_of(row))
            assert np.isnan(log_p).tolist() == [False, True, False], row.name
            if at is z:
                assert np.isnan(backward(np.ones(3))[name][1]).any()
    eps = row.draw(np.random.default_rng(0), (3, 3), **settings_of(row))
    for p in parameters:
        p[(1, *[0] * (p.ndim - 1))] = np.nan
        assert np.isnan(row.sampler(*parameters, eps)[0][1]).any()


OUT_OF_RANGE = {"mode": (-0.1, 1.1), "k": (0, 2.5), "A": (0.0, -1.0)} | {
    name: (0.0, -1.0) for name in ("scale", "shape", "a", "b", "alpha", "df", "dfn", "dfd")
}


@EVERY
def test_what_is_out_of_its_range_is_named(row):
    """By the density, by the sampler and by what draws the noise."""
    rng = np.random.default_rng(0)
    parameters = [np.tile(p, (2, *[1] * p.ndim)) for p in parameters_of(row)]
    eps = row.draw(rng, (2, 3), **settings_of(row))
    z, _ = row.sampler(*parameters, eps)
    for i, name in enumerate(row.parameters):
        for value in OUT_OF_RANGE.get(name, ()):
            wrong = [p.copy() for p in parameters]
            wrong[i][(1, *[0] * (wrong[i].ndim - 1))] = value
            for call in (lambda: row.sampler(*wrong, eps), lambda: row.log_prob(z, *wrong, **settings_of(row))):  # noqa: B023
                with pytest.raises(ValueError, match=rf"{name} must be positive.*got {value:g}"):
                    call()
    for name in row.settings:
        for value in OUT_OF_RANGE[name]:
            wrong = settings_of(row) | {name: value}
            with pytest.raises(ValueError, match=rf"{name}.*got {value:g}"):
                row.draw(rng, (2, 3), **wrong)
            with pytest.raises(ValueError, match=rf"{name}.*got {value:g}"):
                row.log_prob(z, *parameters, **wrong)


def test_other_ranges():
    one = np.ones((1, 1))
    for call in (ROW["Reciprocal"].sampler, ROW["Reciprocal"].log_prob):
        with pytest.raises(ValueError, match="a must lie below b; got a up to 1 and b from 1"):
            call(*[one] * 3)
    with pytest.raises(ValueError, match="Erlang distribution is a whole number"):
        ROW["Erlang"].sampler(2.5 * one, one, one / 2)
    with pytest.raises(ValueError, match="scale must be positive and finite; got inf"):
        ROW["Laplace"].sampler(one, math.inf * one, one)


NARROW = [(1000.0, 0.01, np.float32), (1.0, 1e-4, np.float32), (1e6, 1e-6, np.float64), (-3e4, 0.02, np.float32)]


@pytest.mark.parametrize("loc, scale, dtype", NARROW)
@pytest.mark.parametrize("name", ["Uniform", "Triangular"])
def test_no_draw_of_a_narrow_law_is_impossible(name, loc, scale, dtype):
    """Where rounding carries draws to the ends of a support that is a few hundred floats wide."""
    row = ROW[name]
    settings = {"mode": 0.4} if name == "Triangular" else {}
    parameters = [np.full((1, 1), v, dtype) for v in (loc, scale)]
    eps = row.draw(np.random.default_rng(0), (200_000, 1), dtype, **settings)
    z, _ = row.sampler(*parameters, np.concatenate([eps, np.array([[0.0], [1.0]], dtype)]))
    assert z.dtype == dtype and np.isfinite(row.log_prob(z, *parameters, **settings)[0]).all()


@EVERY
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_no_draw_is_impossible(row, dtype):
    """Of ten thousand draws under small, usual and large parameters, no finite one has log p = -inf or NaN."""
    for factor in (0.05, 1.0, 20.0):
        numbers = {name: np.array(value) for name, value in PARAMETERS[row.name].items() if name in row.parameters}
        if row.name in ("Erlang", "Reciprocal"):
            factor = max(1.0, factor)
        parameters = [np.tile((factor * p).astype(dtype), (10_000, *[1] * p.ndim)) for p in numbers.values()]
        eps = row.draw(np.random.default_rng(1), (10_000, 3), dtype, **settings_of(row))
        with np.errstate(over="ignore"):
            z, _ = row.sampler(*parameters, eps)
        log_p, _ = row.log_prob(z, *parameters, **settings_of(row))
        assert not (np.isnan(log_p) | (log_p == -math.inf))[np.isfinite(z).all(axis=1)].any(), factor


def test_students_noise_with_few_degrees_of_freedom():
    """Half of its float32 draws are beyond 1e19, where e^2 overflows."""
    row = ROW["Student's t"]
    with np.errstate(over="ignore"):
        z = noise.student_t(np.random.default_rng(0), (20_000, 1), np.float32, df=0.1)
    z = z[np.isfinite(z[:, 0])]
    log_p, backward = row.log_prob(z, *[np.full((1, 1), v, np.float32) for v in (0, 1)], df=0.1)
    assert np.isfinite(log_p).all() and all(np.isfinite(d).all() for d in backward(np.ones(len(z), np.float32)))
