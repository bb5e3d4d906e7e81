"""The paper's figures, made again: each a list of curves to train, a function that returns arrays, and a picture.

A `Curve` says what to train; `sweep` trains many of them, on one machine or several, and survives being killed; a
recipe (`figure_2`, `steps`, `ledger`, ...) says which curves it needs and what it makes of them. `aevb figure 2` does
it all.
"""
