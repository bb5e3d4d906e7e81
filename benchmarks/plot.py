"""Draws what `step.py` wrote: ours over everybody else's, for every setting and kernel. By hand:

python benchmarks/plot.py                        step-*.csv -> step.png
"""

import csv
from pathlib import Path

import matplotlib.pyplot as plt

HERE = Path(__file__).parent
MARKS = {"products": ".", "jax jit": "o", "jax scan": "D", "torch eager": "s", "torch compiled": "^"}


def main():
    paths = sorted(HERE.glob("step-*.csv"))
    figure, axes = plt.subplots(1, len(paths), figsize=(5 * len(paths), 4.2), sharey=True, squeeze=False)
    for ax, path in zip(axes[0], paths, strict=True):
        draw(ax, path)
    axes[0][0].invert_yaxis()
    axes[0][-1].legend(fontsize=8, loc="lower right", title="a step of ours over one of", title_fontsize=8)
    figure.tight_layout()
    figure.savefig(HERE / "step.png", dpi=120)


def draw(ax, path):
    with path.open(encoding="utf-8") as file:
        next(file)  # what was measured where
        rows = [row for row in csv.DictReader(file) if row["side"] in MARKS]
    settings = list(dict.fromkeys(row["setting"] for row in rows))
    for k, (side, mark) in enumerate(MARKS.items()):
        mine = [row for row in rows if row["side"] == side]
        x = [float(row["ours_over_this"]) for row in mine]
        y = [settings.index(row["setting"]) + 0.14 * (k - 2) for row in mine]
        ax.hlines(y, [float(row["low"]) for row in mine], [float(row["high"]) for row in mine], color="0.6")
        ax.plot(x, y, mark, color=str(0.15 * k), label=side)
    ax.axvline(1, color="black", linewidth=0.8)
    ax.set_yticks(range(len(settings)), settings)
    ax.set_xlabel("time of a step, ours / theirs (1: as fast)")
    ax.set_title(path.stem.removeprefix("step-") + " kernel", fontsize=10)


if __name__ == "__main__":
    main()
