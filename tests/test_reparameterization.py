"""Every distribution that the paper names, held against scipy.stats: one set of tests over all rows of the table.

The columns of z have different parameters. A right gradient of a wrong sampler passes the differences, a right sampler
with a wrong gradient passes the Kolmogorov-Smirnov test; together with the log-density they leave no room.
"""

import itertools
import math

import numpy as np
import pytest
import scipy.stats
from finite_differences import complex_step, richardson
from test_facts import assert_mean
from test_gradients import Draw, as_tuple

from aevb_np.reparameterization import DISTRIBUTIONS, noise
from aevb_np.reparameterization.composition import log_gamma
from aevb_np.reparameterization.inverse_cdf import erlang

M, J, N = 7, 3, 20_000  # rows, columns; rows where the samples are many
LOC = {"loc": [0.4, -1.3, 0.2], "scale": [0.7, 1.9, 0.3]}

# One number for each column, and the settings of the noise. Pareto, Student's t and F are such that the variance of
# (z - mean)^2 exists, by which the variance is judged.
PARAMETERS = {
    "Exponential": {"scale": [0.4, 1.0, 2.5]},
    "Cauchy": LOC,
    "Logistic": LOC,
    "Rayleigh": {"scale": [0.4, 1.0, 2.5]},
    "Pareto": {"shape": [9.0, 12.5, 20.0], "scale": [0.3, 1.1, 2.0]},
    "Weibull": {"shape": [0.8, 1.7, 3.1], "scale": [0.5, 1.4, 2.2]},
    "Reciprocal": {"a": [0.1, 0.9, 1.3], "b": [2.3, 1.7, 5.9]},
    "Gompertz": {"shape": [0.2, 1.0, 3.7], "scale": [0.6, 1.1, 2.3]},
    "Gumbel": LOC,
    "Erlang": {"shape": [1.0, 2.0, 5.0], "scale": [0.6, 1.1, 0.3]},
    "Laplace": LOC,
    "Elliptical": {"mu": [0.4, -1.3, 0.2], "A": [[0.7, 9, 9], [-0.4, 1.1, 9], [0.5, 0.9, 0.6]], "df": 9.5},
    "Student's t": LOC | {"df": 9.5},
    "Uniform": LOC,
    "Triangular": LOC | {"mode": 0.3},
    "Gaussian": {"mu": [0.4, -1.3, 0.2], "log_var": [-1.1, 0.6, 0.0]},
    "Log-Normal": {"mu": [0.4, -1.3, 0.2], "log_var": [-1.1, -0.6, -2.0]},
    "Gamma": {"shape": [0.3, 1.4, 6.2], "scale": [0.9, 0.5, 1.3]},
    "Gamma of integer shape": {"scale": [0.9, 0.5, 1.3], "k": 4},
    "Dirichlet": {"alpha": [0.4, 1.3, 2.9]},
    "Beta": {"a": [0.4, 1.3, 4.1], "b": [0.7, 2.9, 1.1]},
    "Chi-Squared": {"df": [0.9, 3.0, 7.7]},
    "F": {"dfn": [2.7, 5.0, 3.9], "dfd": [9.0, 9.9, 11.3]},
}
# What enters through a special function that takes no complex numbers.
SPECIAL = {"Gamma": ["shape"], "Dirichlet": ["alpha"], "Beta": ["a", "b"], "Chi-Squared": ["df"], "F": ["dfn", "dfd"]}

ENDS = ("Uniform", "Reciprocal", "Pareto")  # whose density does not vanish at an end that can be reached
UNIFORMS = (noise.uniform, noise.two_uniforms, noise.k_uniforms)
EVERY = pytest.mark.parametrize("row", DISTRIBUTIONS, ids=lambda row: f"{row.name}, {row.family}")
BOTH = pytest.mark.parametrize("kind", ["sampler", "log_prob"])


def parameters_of(row, dtype=np.float64):
    """The parameters of a row, a list of arrays with one number for each column."""
    return [np.array(PARAMETERS[row.name][name], dtype) for name in row.parameters]


def settings_of(row):
    return {name: PARAMETERS[row.name][name] for name in row.settings}


def repeated(row, n, dtype=np.float64):
    """The same for n rows of z, so that `backward` tells the gradient of every row."""
    return [np.tile(p, (n,) + (1,) * p.ndim) for p in parameters_of(row, dtype)]


def draw(row, n, dtype=np.float64, seed=0):
    return row.draw(np.random.default_rng(seed), (n, J), dtype, **settings_of(row))


def counterpart(row, parameters):
    """The law of each column, from scipy.stats."""
    if row.name == "Elliptical":
        mu, A = parameters
        return scipy.stats.t(settings_of(row)["df"], mu, np.sqrt((np.tril(A) ** 2).sum(axis=1)))
    if row.name == "Dirichlet":
        (alpha,) = parameters
        return scipy.stats.beta(alpha, alpha.sum() - alpha)
    named = settings_of(row) | dict(zip(row.parameters, parameters))
    if row.name == "Gaussian":
        named = {"loc": named["mu"], "scale": np.exp(0.5 * named["log_var"])}
    if row.name == "Log-Normal":
        named = {"s": np.exp(0.5 * named["log_var"]), "scale": np.exp(named["mu"])}
    where = {name: named.pop(name) for name in ("loc", "scale") if name in named}
    return getattr(scipy.stats, row.scipy)(*named.values(), **where)


def cases(row, dtype=np.float64, writeable=True):
    """The sampler and the log-density, each as (function, the arguments that have a gradient), for M different rows."""
    rng = np.random.default_rng(1)
    parameters = [p * np.exp(0.05 * rng.standard_normal(p.shape)) for p in repeated(row, M)]
    if row.name == "Erlang":
        parameters[0] = parameters[0].round()
    eps = draw(row, M)
    if row.draw in (*UNIFORMS, noise.triangular):
        eps = 0.4 + 0.4 * eps  # where no logarithm is so steep that differences lose their digits
    z, _ = row.sampler(*parameters, eps)
    eps, z, *parameters = (a.astype(dtype) for a in (eps, z, *parameters))
    for a in (eps, z, *parameters):
        a.flags.writeable = writeable
    named = dict(zip(row.parameters, parameters))
    return {
        "sampler": (lambda **p: row.sampler(*p.values(), eps), named),
        "log_prob": (lambda z, **p: row.log_prob(z, *p.values(), **settings_of(row)), {"z": z} | named),
    }


# ---- The table ----


def test_the_table_has_every_distribution_that_the_paper_names():
    named = {
        "inverse CDF": "Exponential Cauchy Logistic Rayleigh Pareto Weibull Reciprocal Gompertz Gumbel Erlang",
        "location-scale": "Laplace Elliptical Student's-t Logistic Uniform Triangular Gaussian",
        "composition": "Log-Normal Gamma Gamma-of-integer-shape Dirichlet Beta Chi-Squared F",
    }
    for family, names in named.items():
        rows = [row.name for row in DISTRIBUTIONS if row.family == family]
        assert [name.replace(" ", "-") for name in rows] == names.split()


# ---- Facts ----


@EVERY
def test_samples_have_the_distribution_they_should(row):
    """Kolmogorov-Smirnov in every column, and mean and variance where there are any."""
    parameters = parameters_of(row)
    z, _ = row.sampler(*parameters, draw(row, N))
    law = counterpart(row, parameters)
    for column in law.cdf(z).T:
        assert scipy.stats.kstest(column, "uniform").pvalue > 1e-3
    mean, variance = law.stats("mv")
    if row.name != "Cauchy":
        assert_mean(z, mean)
        assert_mean((z - mean) ** 2, variance)


def test_the_columns_of_an_elliptical_z_hang_together():
    """Its covariance is A A^T df / (df - 2); for df = inf, A A^T."""
    row = next(row for row in DISTRIBUTIONS if row.name == "Elliptical")
    mu, A = parameters_of(row)
    for df, factor in ((9.5, 9.5 / 7.5), (math.inf, 1)):
        z, _ = row.sampler(mu, A, noise.spherical(np.random.default_rng(0), (N, J), df=df))
        products = (z - mu)[:, :, None] * (z - mu)[:, None, :]
        assert_mean(products.reshape(N, -1), factor * (np.tril(A) @ np.tril(A).T).ravel())


def test_the_columns_of_a_dirichlet_z_hang_together():
    """They add up to 1, and the covariance of columns j and k is -alpha_j alpha_k / (a^2 (a + 1)), a = sum alpha."""
    row = next(row for row in DISTRIBUTIONS if row.name == "Dirichlet")
    (alpha,) = parameters_of(row)
    z, _ = row.sampler(alpha, draw(row, N))
    np.testing.assert_allclose(z.sum(axis=1), 1, rtol=1e-14)
    a = alpha.sum()
    difference = z - alpha / a
    for j, k in ((0, 1), (0, 2), (1, 2)):
        assert_mean((difference[:, j] * difference[:, k])[:, None], -alpha[j] * alpha[k] / (a**2 * (a + 1)))


@EVERY
def test_log_prob_is_that_of_scipy(row):
    parameters = parameters_of(row)
    z, _ = row.sampler(*parameters, draw(row, M))
    log_p, _ = row.log_prob(z, *parameters, **settings_of(row))
    if row.name == "Dirichlet":
        expected = np.array([scipy.stats.dirichlet.logpdf(v, *parameters) for v in z])
    elif row.name == "Elliptical":
        mu, A = parameters[0], np.tril(parameters[1])
        expected = scipy.stats.multivariate_t.logpdf(z, mu, A @ A.T, **settings_of(row))
        normal, _ = row.log_prob(z, mu, A, df=math.inf)
        np.testing.assert_allclose(normal, scipy.stats.multivariate_normal.logpdf(z, mu, A @ A.T), rtol=1e-12)
    else:
        expected = counterpart(row, parameters).logpdf(z).sum(axis=1)
    assert log_p.shape == (M,)
    np.testing.assert_allclose(log_p, expected, rtol=1e-11, atol=1e-11)


def bounded(z):
    """Bounded, so that it has a mean under every law, and monotone, so that its gradient does not vanish by chance."""
    return np.arctan(z) @ np.array([1.0, -2.0, 3.0])


@EVERY
def test_gradients_of_expectations(row):
    """The mean of `backward` over many samples is d E[f(z)] / d parameters.

    E[f(z)] is the integral of f(F^-1(u)) over u, from scipy.stats by the midpoint rule, and differentiated by
    differences: nothing in it comes from the package.
    """
    u = (np.arange(2000)[:, None] + 0.5) / 2000
    eps = draw(row, N, seed=2)
    z, backward = row.sampler(*repeated(row, N), eps)
    gradients = as_tuple(backward(np.array([1.0, -2.0, 3.0]) / (1 + z**2)))
    parameters = parameters_of(row)
    for p, gradient in zip(parameters, gradients, strict=True):
        if gradient is not None:  # the integer shape of Erlang
            expected = richardson(lambda: bounded(counterpart(row, parameters).ppf(u)).mean(), p, step=1e-3)
            moving = expected != 0  # what is above the diagonal of a matrix does not
            assert_mean(gradient[:, moving], expected[moving])
            assert (gradient[:, ~moving] == 0).all()


# ---- Gradients ----


def error(a, n):
    """As `relative_error`; the slope of a uniform density is zero, and there it is the absolute one."""
    return np.linalg.norm(a - n) / max(np.linalg.norm(n), 1e-3)


def weighted(function, arguments, dtype=np.float64):
    """How far a weighted sum has moved from its start, and what `backward` says of it, by name of the argument.

    The numbers that do not move then cancel before they are summed, and leave no rounding.
    """
    start, backward = function(**arguments)
    weights = Draw(dtype, seed=2).normal(*start.shape)
    gradients = as_tuple(backward(weights))
    return (lambda: (weights * (function(**arguments)[0] - start)).sum()), dict(zip(arguments, gradients, strict=True))


@EVERY
@BOTH
def test_richardson(row, kind):
    function, arguments = cases(row)[kind]
    scalar, gradients = weighted(function, arguments)
    for name, derived in gradients.items():
        if derived is not None:
            assert error(derived, richardson(scalar, arguments[name], step=1e-4)) < 1e-8, name
    assert [n for n, derived in gradients.items() if derived is None] == ["shape"] * (
        row.sampler is erlang and kind == "sampler"
    )


@EVERY
@BOTH
def test_complex_step(row, kind):
    """One argument at a time is complex: special functions do not take what is."""
    function, arguments = cases(row)[kind]
    _, gradients = weighted(function, arguments)
    for name, derived in gradients.items():
        if derived is not None and not (kind == "sampler" and name in SPECIAL.get(row.name, ())):
            stepped = arguments | {name: arguments[name] + 0j}
            scalar, _ = weighted(function, stepped)
            assert error(derived, complex_step(scalar, stepped[name])) < 1e-12, name


@EVERY
@BOTH
def test_parameters_broadcast(row, kind):
    """With one number for a column, or for everything, `backward` is the sum over what that number went out to."""
    function, arguments = cases(row)[kind]
    ways = [(lambda a: a[0], lambda d: d.sum(axis=0)), (lambda a: a[:1], lambda d: d.sum(axis=0, keepdims=True))]
    if row.name not in ("Elliptical", "Dirichlet"):  # whose columns hang together
        ways += [(lambda a: a[:, :1], lambda d: d.sum(axis=1, keepdims=True)), (lambda a: a[0, 0], np.sum)]
    for shared, summed in ways:
        for name in row.parameters:
            few = arguments | {name: shared(arguments[name])}
            many = few | {name: np.broadcast_to(few[name], arguments[name].shape)}
            _, gradients = weighted(function, few)
            _, expected = weighted(function, many)
            if gradients[name] is not None:
                assert np.shape(gradients[name]) == np.shape(few[name])
                np.testing.assert_allclose(gradients[name], summed(expected[name]), rtol=1e-10, atol=1e-12)


@EVERY
@BOTH
def test_nothing_that_was_given_is_written_to(row, kind):
    function, arguments = cases(row, writeable=False)[kind]
    value, backward = function(**arguments)
    given = np.ones(value.shape)
    given.flags.writeable = False
    backward(given)


@EVERY
@BOTH
def test_float32_stays_float32(row, kind):
    function, arguments = cases(row, np.float32)[kind]
    assert draw(row, M, np.float32).dtype == np.float32
    in_single = weighted(function, arguments, np.float32)[1] | {"value": function(**arguments)[0]}
    function, arguments = cases(row)[kind]
    in_double = weighted(function, arguments)[1] | {"value": function(**arguments)[0]}
    for name, single in in_single.items():
        if single is not None:
            assert single.dtype == np.float32
            assert error(single, in_double[name]) < 1e-4, name


# ---- Far out ----


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_uniform_noise_is_never_0_or_1(dtype):
    class Ends:
        def random(self, shape, dtype):
            return np.array([0, 1 - np.finfo(dtype).epsneg], dtype)

    eps = noise.uniform(Ends(), (2,), dtype)
    assert eps.dtype == dtype
    assert 0 < eps[0] < eps[1] < 1


# From one end of the noise to the other; what is uniform is as near to 0 and 1 as floats can say.
UNIFORM = [1e-30, 2.0**-54, 1e-3, 0.5, 0.999, 1 - 2.0**-53]
FAR = [-12.0, -1e-3, 0.0, 1e-3, 12.0]
EXTREME = {
    "loc": [-1e6, 1e6], "scale": [1e-9, 1e9], "shape": [0.12, 1e5], "a": [1e-4, 1e5], "b": [2e-4, 1e6],
    "mu": [-60.0, 60.0], "log_var": [-60.0, 7.0], "alpha": [1e-4, 1e5], "df": [1e-3, 1e5], "dfn": [0.1, 1e5],
    "dfd": [1.0, 1e5],
}  # fmt: skip


@EVERY
def test_extreme_parameters_and_noise(row):
    """z, the gradients and log p are finite, and z is where it can be."""
    ends = np.array(UNIFORM if row.draw in UNIFORMS else FAR)
    if row.name == "Triangular":
        ends = np.array([1e-9, 0.3, 1 - 1e-9])
    if row.name == "Elliptical":
        grid = [(np.array([m] * J), a * np.tril(np.ones((J, J)))) for m in EXTREME["mu"] for a in EXTREME["scale"]]
    else:
        grid = list(itertools.product(*(np.array(EXTREME[name]) for name in row.parameters)))
    if row.name == "Erlang":
        grid = [(max(1.0, shape), scale) for shape, scale in grid]
    if row.name == "Reciprocal":
        grid = [(a, b) for a, b in grid if a < b]
    if row.draw is noise.two_uniforms:
        eps = np.array(list(itertools.product(ends, ends))).T[:, :, None]
    elif row.draw is noise.k_uniforms:
        eps = np.array(list(itertools.product(ends, ends, ends))).T[:, :, None]
    elif row.name in ("Elliptical", "Dirichlet"):
        eps = np.array(list(itertools.product(ends, repeat=J)))
    else:
        eps = ends[:, None]
    for parameters in grid:
        full = [np.broadcast_to(p, (eps.shape[-2], *np.shape(p))) for p in parameters]
        full = [p if p.ndim > 1 else np.tile(p[:, None], (1, eps.shape[-1])) for p in full]
        z, backward = row.sampler(*full, eps)
        gradients = as_tuple(backward(np.ones_like(z)))
        assert all(np.isfinite(a).all() for a in (z, *gradients) if a is not None), parameters
        low, high = (0, 1) if row.name == "Dirichlet" else counterpart(row, [p[0] for p in full]).support()
        assert ((low - 1e-12 * np.abs(low) <= z) & (z <= high + 1e-12 * np.abs(high))).all(), parameters
        with np.errstate(over="ignore"):  # slopes of a density at the end of its support
            log_p, backward = row.log_prob(z, *full, **settings_of(row))
            assert not any(np.isnan(a).any() for a in (log_p, *backward(np.ones_like(log_p)))), parameters


@pytest.mark.parametrize("row", DISTRIBUTIONS[1:3], ids=lambda row: row.name)
def test_symmetric_laws_are_as_exact_at_1_as_at_0(row):
    eps = 2.0 ** -np.arange(2, 53)[:, None]  # 1 - eps has no rounding
    ones = np.ones_like(eps)
    (below, _), (above, _) = row.sampler(0 * ones, ones, eps), row.sampler(0 * ones, ones, 1 - eps)
    np.testing.assert_allclose(above, -below, rtol=1e-12)


@pytest.mark.parametrize("row", [row for row in DISTRIBUTIONS if row.name in ENDS], ids=lambda row: row.name)
def test_rounding_carries_no_sample_out_of_a_closed_support(row):
    """The noise next to 0 and 1 in float32, with 10,000 different parameters: log p is finite."""
    rng = np.random.default_rng(0)
    parameters = np.cumsum(rng.uniform(0.5, 2, (len(row.parameters), 10_000, 1)), axis=0).astype(np.float32)
    for eps in (2.0**-25, 1 - 2.0**-24):
        z, _ = row.sampler(*parameters, np.full((10_000, 1), eps, np.float32))
        assert np.isfinite(row.log_prob(z, *parameters)[0]).all()


@pytest.mark.parametrize("shape", [1e-6, 1e-3, 0.1, 0.9, 1.0, 2.5, 10.0, 100.0, 1e4, 1e6])
def test_the_slope_of_a_gamma_in_its_shape(shape):
    """Far below and far above 1, and for noise from one end to the other, by differences of the logarithm."""
    eps = np.concatenate([np.linspace(1e-3, 1 - 1e-3, 200), [1e-15, 1e-8, 1 - 1e-8, 1 - 1e-15]])
    a = np.full(eps.shape, shape)
    _, backward = log_gamma(a, eps)
    h = 1e-3 * shape
    near, far = ((log_gamma(a + d, eps)[0] - log_gamma(a - d, eps)[0]) / (2 * d) for d in (h, 2 * h))
    np.testing.assert_allclose(backward(np.ones_like(a)), (4 * near - far) / 3, rtol=1e-8)


@EVERY
def test_outside_the_support_the_density_is_zero(row):
    """log p is -inf there, with slope 0, and nothing warns. Only the row is lost, and none inside the support."""
    parameters = repeated(row, 2)
    z, _ = row.sampler(*parameters, draw(row, 2))
    low, high = counterpart(row, [p[0] for p in parameters]).support()
    for beyond in (low - 0.5, high + 0.5):
        if np.isfinite(beyond).all():
            z[1] = beyond
            log_p, backward = row.log_prob(z, *parameters, **settings_of(row))
            assert np.isfinite(log_p[0]) and log_p[1] == -math.inf
            assert all((gradient[1] == 0).all() for gradient in backward(np.ones(2)))
