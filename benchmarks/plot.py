"""Draws what `step.py` wrote, ours over everybody else's for every setting and kernel, and prints the tables. By hand:

python benchmarks/plot.py                        step-*.csv -> step.png
"""

import csv
from pathlib import Path

import matplotlib.pyplot as plt

HERE = Path(__file__).parent
MARKS = {"products": ".", "limit": "v", "torch eager": "s", "torch compiled": "^", "jax jit": "o", "jax scan": "D"}


def main():
    paths = sorted(HERE.glob("step-*.csv"))
    figure, axes = plt.subplots(1, len(paths), figsize=(5 * len(paths), 4.2), sharex=True, sharey=True, squeeze=False)
    for ax, path in zip(axes[0], paths, strict=True):
        about, sides = read(path)
        print(f"{about}\n\n{table(sides)}\n")
        draw(ax, sides)
        ax.set_title(path.stem.removeprefix("step-") + " kernel", fontsize=10)
    axes[0][0].invert_yaxis()
    axes[0][-1].legend(fontsize=8, loc="lower right", title="a step of ours over one of", title_fontsize=8)
    figure.tight_layout()
    figure.savefig(HERE / "step.png", dpi=120)


def read(path):
    """What was measured where, and the rows: {setting: {side: row}}."""
    with path.open(encoding="utf-8") as file:
        about = next(file).strip("# \n")
        sides = {}
        for row in csv.DictReader(file):
            sides.setdefault(row["setting"], {})[row["side"]] = row
    return about, sides


def table(sides):
    """Markdown: milliseconds of our step, and what it takes over each of the others."""
    lines = [f"| | ours, ms | {' | '.join(f'/ {side}' for side in MARKS)} |", "|---" * (2 + len(MARKS)) + "|"]
    for setting, rows in sides.items():
        cells = [f"{float(rows['aevb_np']['ms']):.2f}"]
        cells += [f"{float(rows[side]['ours_over_this']):.2f}" if side in rows else "" for side in MARKS]
        lines.append(f"| {setting} | {' | '.join(cells)} |")
    return "\n".join(lines)


def draw(ax, sides):
    for k, (side, mark) in enumerate(MARKS.items()):
        places = [(n, rows[side]) for n, rows in enumerate(sides.values()) if side in rows]
        x = [float(row["ours_over_this"]) for _, row in places]
        y = [n + 0.13 * (k - 2.5) for n, _ in places]
        low, high = ([float(row[end]) for _, row in places] for end in ("low", "high"))
        ax.hlines(y, low, high, color="0.6")
        ax.plot(x, y, mark, color=str(0.15 * k), label=side)
    ax.axvline(1, color="black", linewidth=0.8)
    ax.set_yticks(range(len(sides)), list(sides))
    ax.set_xlabel("time of a step, ours / theirs (1: as fast)")


if __name__ == "__main__":
    main()
