"""Every distribution that section 2.4 names, one row each: what draws it, what weighs it, what noise it starts from."""

from collections.abc import Callable
from typing import NamedTuple

from aevb_np.reparameterization import composition, inverse_cdf, location_scale, noise


class Distribution(NamedTuple):
    """One row, to be used as

        eps = row.draw(rng, shape, dtype, **settings)
        z, backward = row.sampler(*parameters, eps)
        log_p, backward = row.log_prob(z, *parameters, **settings)

    with the gradients of `backward` in the order of the parameters, for log_prob after that of z.
    """

    name: str
    family: str
    sampler: Callable
    log_prob: Callable
    draw: Callable
    parameters: tuple[str, ...]
    scipy: str  # the counterpart in scipy.stats
    settings: tuple[str, ...] = ()  # what the noise depends on; it gets no gradient


INVERSE_CDF, LOCATION_SCALE, COMPOSITION = "inverse CDF", "location-scale", "composition"
I, S, C = inverse_cdf, location_scale, composition
LOC, SHAPE = ("loc", "scale"), ("shape", "scale")

# fmt: off
DISTRIBUTIONS = tuple(Distribution(*row) for row in (
    ("Exponential", INVERSE_CDF, I.exponential, I.exponential_log_prob, noise.uniform, ("scale",), "expon"),
    ("Cauchy", INVERSE_CDF, I.cauchy, I.cauchy_log_prob, noise.uniform, LOC, "cauchy"),
    ("Logistic", INVERSE_CDF, I.logistic, S.logistic_log_prob, noise.uniform, LOC, "logistic"),
    ("Rayleigh", INVERSE_CDF, I.rayleigh, I.rayleigh_log_prob, noise.uniform, ("scale",), "rayleigh"),
    ("Pareto", INVERSE_CDF, I.pareto, I.pareto_log_prob, noise.uniform, SHAPE, "pareto"),
    ("Weibull", INVERSE_CDF, I.weibull, I.weibull_log_prob, noise.uniform, SHAPE, "weibull_min"),
    ("Reciprocal", INVERSE_CDF, I.reciprocal, I.reciprocal_log_prob, noise.uniform, ("a", "b"), "loguniform"),
    ("Gompertz", INVERSE_CDF, I.gompertz, I.gompertz_log_prob, noise.uniform, SHAPE, "gompertz"),
    ("Gumbel", INVERSE_CDF, I.gumbel, I.gumbel_log_prob, noise.uniform, LOC, "gumbel_r"),
    ("Erlang", INVERSE_CDF, I.erlang, C.gamma_log_prob, noise.uniform, SHAPE, "gamma"),
    ("Laplace", LOCATION_SCALE, S.laplace, S.laplace_log_prob, noise.laplace, LOC, "laplace"),
    ("Elliptical", LOCATION_SCALE, S.elliptical, S.elliptical_log_prob, noise.spherical, ("mu", "A"), "multivariate_t",
     ("df",)),
    ("Student's t", LOCATION_SCALE, S.student_t, S.student_t_log_prob, noise.student_t, LOC, "t", ("df",)),
    ("Logistic", LOCATION_SCALE, S.logistic, S.logistic_log_prob, noise.logistic, LOC, "logistic"),
    ("Uniform", LOCATION_SCALE, S.uniform, S.uniform_log_prob, noise.uniform, LOC, "uniform"),
    ("Triangular", LOCATION_SCALE, S.triangular, S.triangular_log_prob, noise.triangular, LOC, "triang", ("mode",)),
    ("Gaussian", LOCATION_SCALE, S.gaussian, S.gaussian_log_prob, noise.normal, ("mu", "log_var"), "norm"),
    ("Log-Normal", COMPOSITION, C.log_normal, C.log_normal_log_prob, noise.normal, ("mu", "log_var"), "lognorm"),
    ("Gamma", COMPOSITION, C.gamma, C.gamma_log_prob, noise.uniform, SHAPE, "gamma"),
    ("Gamma of integer shape", COMPOSITION, C.sum_of_exponentials, C.sum_of_exponentials_log_prob, noise.k_uniforms,
     ("scale",), "gamma", ("k",)),
    ("Dirichlet", COMPOSITION, C.dirichlet, C.dirichlet_log_prob, noise.uniform, ("alpha",), "dirichlet"),
    ("Beta", COMPOSITION, C.beta, C.beta_log_prob, noise.two_uniforms, ("a", "b"), "beta"),
    ("Chi-Squared", COMPOSITION, C.chi_squared, C.chi_squared_log_prob, noise.uniform, ("df",), "chi2"),
    ("F", COMPOSITION, C.f, C.f_log_prob, noise.two_uniforms, ("dfn", "dfd"), "f"),
))
# fmt: on
