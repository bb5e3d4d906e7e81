"""Print BibTeX for this package and for the paper."""

import argparse

from aevb_np._version import __version__

BIBTEX = f"""@inproceedings{{kingma2014auto,
  title     = {{Auto-Encoding Variational {{Bayes}}}},
  author    = {{Kingma, Diederik P. and Welling, Max}},
  booktitle = {{2nd International Conference on Learning Representations (ICLR)}},
  year      = {{2014}},
  url       = {{https://arxiv.org/abs/1312.6114}}
}}

@software{{aevb_np,
  title   = {{aevb\\_np: Auto-Encoding Variational {{Bayes}} in pure {{NumPy}}}},
  author  = {{{{The aevb\\_np developers}}}},
  version = {{{__version__}}},
  year    = {{2026}}
}}"""


def add(parser: argparse.ArgumentParser) -> None:
    """No flags."""


def run(args: argparse.Namespace) -> int:
    """Print it."""
    print(BIBTEX)
    return 0
