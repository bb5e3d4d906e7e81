"""The bugs that have names: a student's gradient that equals a mutant's to the last digits has the mutant's bug."""

import numpy as np
from numpy.typing import NDArray

from aevb_np.checks.bugs import MUTANTS
from aevb_np.checks.mapping import Mapping
from aevb_np.checks.mutants import Sizes, gradient_of
from aevb_np.checks.numeric import apart
from aevb_np.checks.problem import Point
from aevb_np.checks.reference import MODEL_PARTS, backward_order, layer, priors, summed
from aevb_np.checks.report import Finding
from aevb_np.checks.values import SAME

Arrays = dict[str, NDArray]
EQUAL = 1e-8


def check(mapping: Mapping, at: Point, yours: Arrays, wrong: list[str]) -> list[Finding]:
    """The mutants whose gradients are the student's."""
    if mapping.sampled:
        return []  # the mutants are those of estimator B
    known, like = mapping.units(at), Sizes.of(mapping.model)
    if max(abs(known.reconstruction - 1), abs(known.kl - 1)) > SAME:
        return []  # the mutants are those of the bound itself
    right = mapping.paths(at)
    truth = summed(right)
    prior = {name: known.prior[name] * g for name, g in summed(priors(at)).items()}
    findings = []
    for mutant in MUTANTS:
        with np.errstate(all="ignore"):
            gradient = gradient_of(mutant, like)(at)
        its = {name: gradient[name] + prior[name] for name in yours}
        if all(apart(its[n], yours[n]) < EQUAL for n in yours) and any(apart(its[n], truth[n]) > EQUAL for n in yours):
            place = f"from {MODEL_PARTS[layer(wrong[0])]} on"
            findings.append(Finding(f"bug:{mutant.name}", place, "a known bug", mutant.text, whole=True,
                                    order=min(map(backward_order, wrong))))  # fmt: skip
    return findings
