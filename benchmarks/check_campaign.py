"""How good is the verification kit? The campaigns, by hand, for they take minutes:

    python benchmarks/check_campaign.py bugs       50 bugs x both decoders x 5 seeds
    python benchmarks/check_campaign.py typical    the twelve typical bugs
    python benchmarks/check_campaign.py right      1,000 random right gradients: no false alarm
    python benchmarks/check_campaign.py pairs      two bugs at once: is the first thing said true of one of them?
    python benchmarks/check_campaign.py other      3,000 random right programs that are not the paper's network
    python benchmarks/check_campaign.py speed      how long a check takes, of a small model and of the full one

The bugs are planted in a student's file, `tests/vaes/functions.py`; the other networks are those of
`tests/right_vaes.py`. A bug counts as named when the first thing said matches what was written down beside it here.
"""

import one_core  # isort: skip  # noqa: F401

import argparse
import itertools
import re
import sys
import time
from pathlib import Path

import numpy as np

from aevb_np import VAE, Params, sgvb_b
from aevb_np.checks import check_gradients, check_vae
from aevb_np.checks.numeric import taylor

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
import right_vaes  # noqa: E402

SOURCE = (Path(__file__).parent.parent / "tests" / "vaes" / "functions.py").read_text(encoding="utf-8")
MU, LV = "dmu = dz.sum(0) + mu / M", "dlv = (dz * eps).sum(0) * s / 2 + (np.exp(lv) - 1) / 2 / M"
KL_LV = " + (np.exp(lv) - 1) / 2 / M"
G1, H1 = "da1 = dg * (1 - g**2)", "da3 = dh * (1 - h**2)"
DH = 'dh = dmu @ p["W4"].T + dlv @ p["W5"].T'
DECAY = "d[name] = d[name] + DECAY * p[name]"
DA2, RETURN = "da2 = (y - x) / (M * L)", "    return d\n"

# name: ([(find, instead), ...], what the first finding must say, which decoders)
BUGS = {
    "sign": (
        [(RETURN, "    return {k: -v for k, v in d.items()}\n")],
        r"every gradient has the wrong sign|whole bound.*wrong sign|your delta of .* is (y - x|\(m - x\))",
        "bg",
    ),
    "no 1/M": (
        [(DA2, "da2 = (y - x) / L"), (MU, "dmu = dz.sum(0) + mu"), (KL_LV, " + (np.exp(lv) - 1) / 2")],
        r"whole bound enters M times|enters M times",
        "b",
    ),
    "reconstruction no 1/M": ([(DA2, "da2 = (y - x) / L")], r"reconstruction enters M times|lost its 1/M", "b"),
    "KL no 1/M": (
        [(MU, "dmu = dz.sum(0) + mu"), (KL_LV, " + (np.exp(lv) - 1) / 2")],
        r"the KL enters M times|KL through .* enters M times",
        "bg",
    ),
    "no 1/L": ([(DA2, "da2 = (y - x) / M")], r"reconstruction enters L times|1/L is missing|enters L times", "b"),
    "KL missing": (
        [(MU, "dmu = dz.sum(0)"), (KL_LV, "")],
        r"the KL is (missing|left out)|-KL in .* is 0 \(missing\)|KL through .* is missing",
        "bg",
    ),
    "KL sign": (
        [(MU, "dmu = dz.sum(0) - mu / M"), (KL_LV, " - (np.exp(lv) - 1) / 2 / M")],
        r"the KL .*wrong sign|-KL in mu is \+mu|-KL in log sigma\^2 is \(sigma\^2 - 1\) / 2",
        "bg",
    ),
    "KL mu missing": ([(MU, "dmu = dz.sum(0)")], r"KL through mu is missing|-KL in mu is 0 \(missing\)", "bg"),
    "KL lv missing": ([(KL_LV, "")], r"KL through log sigma\^2 is missing|-KL in log sigma\^2 is 0 \(missing\)", "bg"),
    "KL lv half": (
        [(KL_LV, " + (np.exp(lv) - 1) / M")],
        r"KL through log sigma\^2 enters 2 times|-KL in log sigma\^2 is 1 - sigma\^2, without 1/2",
        "bg",
    ),
    "KL in sigma": ([(KL_LV, " + (s - 1 / s) / M")], r"derivative in sigma", "bg"),
    "tanh' dec missing": ([(G1, "da1 = dg")], r"decoder's hidden layer.*slope of tanh is missing", "bg"),
    "tanh' enc missing": ([(H1, "da3 = dh")], r"encoder's hidden layer.*slope of tanh is missing", "bg"),
    "tanh' dec of a": ([(G1, "da1 = dg * (1 - a1**2)")], r"decoder's hidden layer.*1 - a\^2", "bg"),
    "tanh' enc of a": ([(H1, "da3 = dh * (1 - a3**2)")], r"encoder's hidden layer.*1 - a\^2", "bg"),
    "tanh' dec no square": ([(G1, "da1 = dg * (1 - g)")], r"decoder's hidden layer.*you use is 1 - h,", "bg"),
    "tanh' enc no square": ([(H1, "da3 = dh * (1 - h)")], r"encoder's hidden layer.*you use is 1 - h,", "bg"),
    "tanh' dec sigmoid": ([(G1, "da1 = dg * g * (1 - g)")], r"decoder's hidden layer.*h \(1 - h\)", "bg"),
    "tanh' enc sigmoid": ([(H1, "da3 = dh * h * (1 - h)")], r"encoder's hidden layer.*h \(1 - h\)", "bg"),
    "sigma missing": ([("* s / 2", "/ 2")], r"you use is eps / 2,", "bg"),
    "sigma half": ([("* s / 2", "* s")], r"you use is eps \* sigma,|through sigma enters 2 times", "bg"),
    "sigma squared": ([("* s / 2", "* s**2 / 2")], r"eps \* sigma\^2 / 2", "bg"),
    "dz in sigma": ([("* s / 2", "")], r"you use is eps,", "bg"),
    "eps missing": ([("(dz * eps).sum(0)", "dz.sum(0)")], r"you use is sigma / 2|you use is sigma", "bg"),
    "eps fresh": ([("(dz * eps)", "(dz * np.random.standard_normal(dz.shape))")], r"draws new noise", "bg"),
    "sigma path missing": (
        [("(dz * eps).sum(0) * s / 2 + ", "")],
        r"reconstruction through sigma is missing|nothing comes back through sigma",
        "bg",
    ),
    "mu path missing": (
        [(MU, "dmu = mu / M")],
        r"reconstruction through mu is missing|nothing comes back through z",
        "bg",
    ),
    "dh only mu": (
        [(DH, 'dh = dmu @ p["W4"].T')],
        r"(log sigma\^2 is missing in the encoder's hidden|log-variance head never)",
        "bg",
    ),
    "dh only lv": (
        [(DH, 'dh = dlv @ p["W5"].T')],
        r"(through mu is missing in the encoder's hidden|mean head never)",
        "bg",
    ),
    "heads swapped": (
        [
            ('d["W4"] = h.T @ dmu', 'd["W4"] = h.T @ dlv'),
            ('d["b4"] = dmu', 'd["b4"] = dlv'),
            ('d["W5"] = h.T @ dlv', 'd["W5"] = h.T @ dmu'),
            ('d["b5"] = dlv', 'd["b5"] = dmu'),
        ],
        r"changed places",
        "bg",
    ),
    "transpose W4": ([(RETURN, '    d["W4"] = d["W4"].T\n' + RETURN)], r"W4: the right numbers, transposed", "bg"),
    "reshape W4": (
        [('d["W4"] = h.T @ dmu', 'd["W4"] = (dmu.T @ h).reshape(p["W4"].shape)')],
        r"W4.*reshape|W4.*outer product",
        "bg",
    ),
    "bias mean": (
        [
            (f'd["{b}"] = {d}.sum(0)', f'd["{b}"] = {d}.mean(0)')
            for b, d in (("b2", "rows(da2)"), ("b1", "rows(da1)"), ("b4", "dmu"), ("b5", "dlv"), ("b3", "da3"))
        ],
        r"all bias grad|biases get the mean|whole bound enters .* in the biases|gradient of b.: .* enters 1/\(?[ML]",
        "b",
    ),
    "bias scalar": (
        [('d["b2"] = rows(da2).sum(0)', 'd["b2"] = np.full_like(p["b2"], da2.sum())')],
        r"b2.*(same number|gradient of the biases)",
        "bg",
    ),
    "bias not summed": ([('d["b3"] = da3.sum(0)', 'd["b3"] = da3')], r"b3: the sum over the rows", "bg"),
    "bias zero": (
        [('d["b1"] = rows(da1).sum(0)', 'd["b1"] = np.zeros_like(p["b1"])')],
        r"b1: the gradient is 0",
        "bg",
    ),
    "extra sigmoid": ([(DA2, "da2 = (y - x) * y * (1 - y) / (M * L)")], r"y \(1 - y\)", "b"),
    "reconstruction sign": ([(DA2, "da2 = (x - y) / (M * L)")], r"reconstruction has the wrong sign|y - x", "b"),
    "decay missing": ([(DECAY, "pass")], r"prior on the parameters is missing|prior on the weights is missing", "bg"),
    "decay double": (
        [(DECAY, "d[name] = d[name] + 2 * DECAY * p[name]")],
        r"prior on the parameters enters 2 times|prior on the weights enters 2 times",
        "bg",
    ),
    "decay sign": (
        [(DECAY, "d[name] = d[name] - DECAY * p[name]")],
        r"prior on the parameters has the wrong sign|prior on the weights has the wrong sign",
        "bg",
    ),
    "decay biases": (
        [('        if name[0] == "W":\n            d[', "        if True:\n            d[")],
        r"prior on the biases|b2.*prior",
        "bg",
    ),
    "updated W1": (
        [('dz = da1 @ p["W1"].T', 'dz = da1 @ (p["W1"] - 0.05 * d["W1"]).T')],
        r"already (been )?updated",
        "bg",
    ),
    "clipping": ([(RETURN, "    return {k: np.clip(v, -0.05, 0.05) for k, v in d.items()}\n")], r"clipping", "bg"),
    "mu for z": (
        [('d["W1"] = rows(z).T', 'd["W1"] = rows(np.broadcast_to(mu, z.shape)).T')],
        r"multiplied with mu",
        "bg",
    ),
    "mean without precision": (
        [("da2 = (y - x) / np.exp(lx) * y", "da2 = (y - x) * y")],
        r"without 1 / sigma_x\^2",
        "g",
    ),
    "mean without sigmoid'": ([("/ np.exp(lx) * y * (1 - y) / (M", "/ np.exp(lx) / (M")], r"without m \(1 - m\)", "g"),
    "variance half": (
        [("dlx = (1 - (x - y) ** 2 / np.exp(lx)) / 2", "dlx = (1 - (x - y) ** 2 / np.exp(lx))")],
        r"log-variance.* enters 2 times|without 1/2|your delta of the decoder's log-variance is",
        "g",
    ),
    "variance sign": (
        [("dlx = (1 - (x - y) ** 2 / np.exp(lx)) / 2", "dlx = ((x - y) ** 2 / np.exp(lx) - 1) / 2")],
        r"log-variance.*wrong sign|\(1 - \(x - m\)\^2 / sigma_x\^2\) / 2, it",
        "g",
    ),
    "no way back from W6": ([('dg = dg + dlx @ p["W6"].T', "pass")], r"log-variance (is missing|head never)", "g"),
}
LETTERS = {"b": "bernoulli", "g": "gaussian"}


def planted(bugs, decoder):
    """The student's module with bugs in it; None where two of them want the same text."""
    text = SOURCE.replace('DECODER = "bernoulli"', f'DECODER = "{decoder}"')
    for bug in bugs:
        for find, instead in BUGS[bug][0]:
            if text.count(find) != 1:
                return None
            text = text.replace(find, instead)
    module = {}
    exec(compile(text, "student.py", "exec"), module)
    return module


def report_on(module, seed=0):
    """The kit's report at one of several random points."""
    declared = {"decoder": module["DECODER"], "layout": module["EPS"], "seed": seed}
    return check_vae(module["value"], module["gradients"], module["parameters"], **declared)


def bugs():
    """Every bug, both decoders, five seeds."""
    counts, missed = np.zeros(3, int), []
    for (bug, (_, says, letters)), seed in itertools.product(BUGS.items(), range(5)):
        for letter in letters:
            report = report_on(planted([bug], LETTERS[letter]), seed)
            top = report.top.text if report.top else ""
            named = bool(re.search(says, top))
            counts += 1, report.verdict == "wrong", named
            if not named:
                missed.append(f"  {bug} ({letter}, seed {seed}): {top}")
    runs, detected, right = counts
    print(f"{runs} runs, {detected} detected, {right} named")
    print("\n".join(missed[:40]))


def pairs(n=400):
    """Two bugs at once."""
    rng, true, runs, untrue = np.random.default_rng(0), 0, 0, []
    while runs < n:
        letter = "bg"[rng.integers(2)]
        some = [bug for bug, (_, _, letters) in BUGS.items() if letter in letters]
        two = [str(bug) for bug in rng.choice(some, 2, replace=False)]
        module = planted(two, LETTERS[letter])
        if module is None:
            continue
        report = report_on(module, int(rng.integers(5)))
        runs += 1
        top = report.top.text if report.top else ""
        if any(re.search(BUGS[bug][1], top) for bug in two):
            true += 1
        else:
            untrue.append(f"  {two} ({letter}): {top}")
    print(f"{runs} pairs: the first thing said names one of the two in {true} ({true / runs:.1%})")
    print("\n".join(untrue[:60]))


TYPICAL = {
    "sign": ("sign", "b"),
    "lost 1/2": ("sigma half", "b"),
    "1/M": ("reconstruction no 1/M", "b"),
    "transpose": ("transpose W4", "b"),
    "tanh'": ("tanh' dec missing", "b"),
    "sigma": ("sigma missing", "b"),
    "KL missing": ("KL missing", "b"),
    "heads swapped": ("heads swapped", "b"),
    "prior missing": ("decay missing", "b"),
    "bias axis": ("bias scalar", "b"),
}


def typical():
    """Twelve that people make most: ten of them are among the bugs above."""
    named = {}
    for what, (bug, letter) in TYPICAL.items():
        named[what] = (report_on(planted([bug], LETTERS[letter])).top.text, BUGS[bug][1])
    good, kept = planted([], "bernoulli"), {}

    def stale(p, x, eps):
        now, kept["p"] = kept.get("p", p), {name: w.copy() for name, w in p.items()}
        return good["gradients"](now, x, eps)

    named["stale cache"] = (report_on(good | {"gradients": stale}).top.text, "kept from another call")
    single = report_on(good | {"value": lambda p, x, eps: np.float32(sum(good["value"](p, x, eps).values()))})
    named["float32 value"] = (single.doubts[0], "compute the value in float64")
    for what, (said, expected) in named.items():
        print(f"{'named ' if re.search(expected, said) else 'MISSED'} {what}: {said}")


# Different correct formulas: each group holds ways to write one line.
WAYS = [
    [
        (G1, G1),
        (G1, "da1 = dg / np.cosh(a1) ** 2"),
        (G1, "da1 = dg * (1 - g) * (1 + g)"),
        (G1, "da1 = dg - dg * g * g"),
    ],
    [(H1, H1), (H1, "da3 = (1 - np.tanh(a3) ** 2) * dh"), (H1, "da3 = dh * 4 / (np.exp(a3) + np.exp(-a3)) ** 2")],
    [
        (MU, MU),
        (MU, "dmu = np.einsum('lmj->mj', dz) + mu / M"),
        (MU, "dmu = mu / M\n    for one in dz: dmu = dmu + one"),
    ],
    [
        ("* s / 2", "* s / 2"),
        ("* s / 2", "* 0.5 * np.sqrt(np.exp(lv))"),
        ("(dz * eps).sum(0) * s / 2", "(dz * (z - mu)).sum(0) / 2"),
    ],
    [(KL_LV, KL_LV), (KL_LV, " - (1 - s**2) / (2 * M)"), (KL_LV, " + np.expm1(lv) / 2 / M")],
    [
        ("-(1 + lv - mu**2 - np.exp(lv)).sum() / 2 / M", "-(1 + lv - mu**2 - np.exp(lv)).sum() / 2 / M"),
        ("-(1 + lv - mu**2 - np.exp(lv)).sum() / 2 / M", "(mu * mu + s * s - 2 * np.log(s) - 1).sum(1).mean() / 2"),
    ],
    [
        ("x * np.log(y) + (1 - x) * np.log(1 - y)", "x * np.log(y) + (1 - x) * np.log(1 - y)"),
        ("x * np.log(y) + (1 - x) * np.log(1 - y)", "x * a2 - np.logaddexp(0, a2)"),
        ("x * np.log(y) + (1 - x) * np.log(1 - y)", "x * np.log(y + 1e-10) + (1 - x) * np.log(1 - y + 1e-10)"),
    ],
    [("DECAY = 0.1", "DECAY = 0.1"), ("DECAY = 0.1", "DECAY = 0.0"), ("DECAY = 0.1", "DECAY = 1e-4")],
    [("    return d\n", "    return d\n"), ("    return d\n", "    return dict(reversed(d.items()))\n")],
]


def right(n=1000):
    """Random right gradients: decoders, scales from 0.01 to 1.5, formulas, signs, sums and means."""
    rng, accused, largest = np.random.default_rng(0), [], 0.0
    for k in range(n):
        decoder, size = (
            ("bernoulli", "gaussian")[rng.integers(2)],
            float(np.exp(rng.uniform(np.log(0.01), np.log(1.5)))),
        )
        text = SOURCE.replace('DECODER = "bernoulli"', f'DECODER = "{decoder}"')
        for ways in WAYS:
            text = text.replace(*ways[rng.integers(len(ways))])
        module = {}
        exec(compile(text, "student.py", "exec"), module)
        c = [1, -1, 7, -7][rng.integers(4)]
        value = lambda p, x, eps, m=module, c=c: c * sum(m["value"](p, x, eps).values())  # noqa: E731
        scaled = lambda p, x, eps, m=module, c=c: {k: c * g for k, g in m["gradients"](p, x, eps).items()}  # noqa: E731
        declared = {"decoder": decoder, "layout": module["EPS"], "seed": k, "size": size}
        report = check_vae(value, scaled, module["parameters"], **declared)
        largest = max(largest, *(row.error for row in report.rows), 0.0)
        if report.verdict != "right":
            accused.append(report.verdict)
            print(f"{k} {decoder} {size:.3g} {report.verdict}: {report.text(2)}", flush=True)
    alarms, doubts = accused.count("wrong"), accused.count("cannot tell")
    print(f"{n} right gradients: {alarms} false alarms, {doubts} times 'cannot tell'; largest error {largest:.1e}")


def other(n=3000):
    """Random right programs that are not the paper's network: units, depths, convolutions, decoders, styles."""
    counts, slowest = {}, 0.0
    for seed in range(n):
        functions, made_of = right_vaes.made(seed)
        started = time.perf_counter()
        report = check_vae(**functions)
        slowest = max(slowest, time.perf_counter() - started)
        counts[report.verdict] = counts.get(report.verdict, 0) + 1
        if report.verdict != ("right" if made_of["declared"] else "gradients right"):
            print(f"{seed} {made_of}\n{report.text(2)}", flush=True)
    said = ", ".join(f"{count} {verdict!r}" for verdict, count in sorted(counts.items()))
    print(f"{n} right programs of other networks: {said}; the slowest took {slowest:.1f} s")


def speed():
    """A small model whole, and the full 784-500-20 model with M = 100 along random directions."""
    module = planted([], "bernoulli")
    report_on(module)
    start = time.perf_counter()
    report_on(module)
    print(f"the 7-3-5-11 model: {time.perf_counter() - start:.2f} s")
    model = VAE.bernoulli(784, 500, 20)
    rng = np.random.default_rng(0)
    p = Params(model.shapes)
    p.flat[:] = 0.05 * rng.standard_normal(p.flat.size)
    x, eps = rng.random((100, 784)), rng.standard_normal((100, 20))

    def bound(arrays):
        fill(p, arrays)
        return sgvb_b(model, p.theta, p.phi, x, eps)

    def gradients(arrays):
        p.grad[:] = 0
        bound(arrays)[1](np.ones(100))
        return {name: g.copy() for name, _, g in p.arrays()}

    arrays = {name: w.copy() for name, w, _ in p.arrays()}
    start = time.perf_counter()
    report = check_gradients(lambda arrays: bound(arrays)[0].sum(), arrays, gradients)
    print(report)
    print(f"the 784-500-20 model: {time.perf_counter() - start:.1f} s")
    gradients(arrays)
    start = time.perf_counter()
    result = taylor(lambda: sgvb_b(model, p.theta, p.phi, x, eps)[0].sum(), p.flat, p.grad.copy(), rng)
    print(f"its symmetric Taylor remainder: slope {result.slope:.2f}, {time.perf_counter() - start:.1f} s")


def fill(p, arrays):
    """The numbers of a dictionary in the windows of p."""
    for name, w, _ in p.arrays():
        w[...] = arrays[name]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("campaign", choices=("bugs", "typical", "right", "pairs", "other", "speed"))
    parser.add_argument("-n", type=int, help="how many programs, for right, pairs and other")
    start = time.perf_counter()
    args = parser.parse_args()
    globals()[args.campaign](*([args.n] if args.n else []))
    print(f"{time.perf_counter() - start:.0f} s")
