"""How much does the prior on the parameters weigh beside the bound? No gradient check sees a wrong weight.

Beside the bound of M rows, summed, log p(theta) counts once when these are all rows there are, and M/N times when they
are M of N. So its weight is the same for every M, or in proportion to M with 1/N, which is less than 1. It must not be
M, which is once for every row, and must not fall with M. Any other number is a weight decay that somebody chose.
"""

import numpy as np

from aevb_np.checks.mapping import Mapping
from aevb_np.checks.names import told
from aevb_np.checks.problem import Point
from aevb_np.checks.report import Finding
from aevb_np.checks.values import SAME, fault

FAMILY = "the weight of a term"


def check(known: Mapping, at: Point) -> tuple[list[Finding], list[str]]:
    """Findings about the prior's part in a value whose other parts are right, and notes."""
    many, found = known.many, known.found
    if many is None or found is None or abs(many.reconstruction - many.kl) > SAME * abs(many.reconstruction):
        return [], []
    weighs = {name: c / many.reconstruction for name, c in many.prior.items() if c}
    if averaged(weighs, at):
        text = f"{PRIOR} is a mean over the entries of each array, where their sum belongs"
        return [fault("prior:mean", FAMILY, text, PLACE)], []
    declared = known.student.prior
    if declared is not None:
        off = {name: c for name, c in found.prior.items() if c and abs(abs(c) - declared) > SAME * declared}
        texts = {f"weighs {abs(c):.6g}; PRIOR_WEIGHT says {declared:.6g}": c for c in off.values()}
    else:
        texts = {text: c for name, c in weighs.items() if (text := said_of(name, c, known, at.constants))}
    if any(c < 0 for c in weighs.values()):
        texts = {"has the wrong sign: it rewards large weights": -1.0}
    findings = [fault(f"prior:{told(c, at.constants)}", FAMILY, f"{PRIOR} {text}", PLACE) for text, c in texts.items()]
    if missing := left_out(known):
        covered = [name for name in weighs if name[-1] in {one[-1] for one in missing}]
        text = f"{PRIOR} leaves out {', '.join(map(known.mine, missing))}"
        if len(covered) < len(missing):
            text = f"{PRIOR} is on {', '.join(map(known.mine, covered))} only"
        findings.append(fault("prior:part", FAMILY, text, PLACE))
    chosen = {f"{abs(found.prior[name]):.4g}" for name, c in weighs.items() if abs(c - 1) > SAME}
    if findings or declared is not None or not chosen:
        return findings, []
    return [], [f"weight decay: the value has {' and '.join(chosen)} times log N(w; 0, I), without its constant; "
                "PRIOR_WEIGHT declares one, to hold it against"]  # fmt: skip


def averaged(weighs: dict[str, float], at: Point) -> bool:
    """Whether the larger arrays weigh less, in proportion."""
    sums = [c * w.size for name, w, _ in at.p.arrays() if (c := weighs.get(name))]
    spreads = [np.ptp(numbers) / np.abs(numbers).max() for numbers in (sums, list(weighs.values())) if numbers]
    return len(spreads) == 2 and spreads[0] < SAME < spreads[1]


PRIOR, PLACE = "the prior on the parameters", "the prior on the parameters: its weight beside the bound"


def said_of(name: str, weight: float, known: Mapping, constants: dict[str, int]) -> str:
    """What is wrong with the weight of one array's prior beside the bound of M rows; nothing if it may be meant."""
    M, one = constants["M"], known.one
    alone = one.prior[name] / one.reconstruction if one is not None else None
    grows = weight / alone if alone else M if abs(weight - M) < SAME * M else 1.0
    if abs(grows - 1) > SAME and abs(grows - M) > SAME * M:
        return (
            f"weighs {told(weight, constants)} times what it should beside {M} rows: it is divided by their number, "
            "which the bound beside it is not"
        )
    base = weight / round(grows)
    sizes = {size: n for size, n in constants.items() if size != "M"}
    said = told(base, sizes)
    if grows > 1.5 and abs(base - 1) < SAME:
        return "weighs M times what it should: it is there once for every row, and belongs there once for all rows"
    if set(said) <= {"2"} or set(said) <= set("LJD*"):
        times = f"{said}*M" if grows > 1.5 else said
        return f"weighs {times} times what it should" + ": is the 1/2 of -w^2 / 2 missing?" * (said == "2")
    return ""


def left_out(known: Mapping) -> list[str]:
    """Arrays without a prior where others of their kind, weights or biases of one network, have one."""
    assert known.found is not None
    kinds: dict[tuple[str, str], dict[str, float]] = {}
    for name, c in known.found.prior.items():
        kinds.setdefault((name.split(".")[0], name[-1]), {})[name] = c
    mixed = {end for (_, end), kind in kinds.items() if any(kind.values()) and not all(kind.values())}
    return [name for (_, end), kind in kinds.items() for name, c in kind.items() if end in mixed and not c]
