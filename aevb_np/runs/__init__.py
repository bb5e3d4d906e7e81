"""A run from its settings to its pictures: what is trained, how far it has come, and the folder that keeps it.

`opening` starts and loads runs, `run` is what a person holds, `trainer` trains it, `saving` writes its folder with the
files of `checkpoints`, `pictures` draws it.
"""
