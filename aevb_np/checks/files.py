"""A student's file as a module: what it declares, and the report on it."""

import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

from numpy.typing import NDArray

from aevb_np.checks.facts import check_sampler
from aevb_np.checks.report import Report
from aevb_np.checks.student import DeclarationError, called
from aevb_np.checks.vae import check_vae
from aevb_np.reparameterization import gaussian

DECLARATIONS = {
    "DECODER": "decoder", "EPS": "layout", "COLUMNS": "columns", "NAMES": "names", "SIGN": "sign", "SCALE": "scale",
    "NETWORK": "network", "PRIOR_WEIGHT": "prior", "NO_LOG_2PI": "no_log_2pi", "UNITS": "units",
    "KL_WEIGHT": "kl_weight", "SHAPE": "shape", "LABELS": "labels", "ONE_ROW": "one_row", "RATE": "rate",
}  # fmt: skip
LIKELY: dict[str, Any] = {"UNITS": str, "SHAPE": (tuple, list), "LABELS": int, "RATE": float}  # other words of a file
FUNCTIONS = "gradients", "parameters", "update", "encode", "decode"
SIZES = "D", "H", "J"
FACTS = {"sample": ["mu", "log_var", "eps"], "kl": ["mu", "log_var"]}


def checked(module: ModuleType) -> Report:
    """The report on a module that keeps to the page in `aevb_np.checks`.

    Raises
    ------
    DeclarationError
        If it does not: no value, no gradients, a wrong declaration.
    """
    functions = {name: getattr(module, name) for name in FUNCTIONS if callable(getattr(module, name, None))}
    for name in ("value", "gradients"):
        if not callable(getattr(module, name, None)) and not (name == "gradients" and "update" in functions):
            raise DeclarationError(
                f"the file defines no {name}(parameters, x, eps); `aevb check --help` says what is expected"
            )
    given = {name: getattr(module, name) for name in DECLARATIONS if hasattr(module, name)}
    declared = {DECLARATIONS[name]: word for name, word in given.items() if isinstance(word, LIKELY.get(name, object))}
    sizes = {name: n for name in SIZES if isinstance(n := getattr(module, name, None), int)}
    report = check_vae(module.value, **functions, sizes=sizes, **declared)
    sample, kl = (offered(module, name, arguments) for name, arguments in FACTS.items())
    if sample or kl:
        drawn = check_sampler(sample or gaussian_sample, kl)
        report.add(*drawn.findings)
        report.notes += [f"your sample or kl: {note}" for note in drawn.notes]
    return report


def offered(module: ModuleType, name: str, arguments: list[str]) -> Callable | None:
    """A function of the file with these very arguments; one of the same name with others is none of ours."""
    function = getattr(module, name, None)
    if not inspect.isfunction(function) or list(inspect.signature(function).parameters) != arguments:
        return None
    return lambda *given: called(function, *given)


def gaussian_sample(mu: NDArray, log_var: NDArray, eps: NDArray) -> NDArray:
    """The right one, to test a KL with."""
    return gaussian(mu, log_var, eps)[0]
