"""Look at what was learnt: bounds over training, images, and the latent space. Section 5, Figures 2, 4 and 5.

Every function takes arrays and returns a matplotlib ``Figure``. A notebook shows it (after ``%matplotlib inline``), and
``figure.savefig("name.pdf", dpi=200)`` keeps it. Nothing here opens a window, changes a setting of matplotlib or writes
a file.
"""

from aevb_np.plotting.bound_curves import curve, curves
from aevb_np.plotting.image_grids import completions, images, mosaic, reconstructions
from aevb_np.plotting.latent import latent_kl, manifold, manifold_grid, scatter
from aevb_np.plotting.style import CLASS_COLORS, COLORS, GAP, MARKERS

__all__ = [
    "curve", "curves",
    "images", "reconstructions", "completions", "mosaic",
    "manifold", "manifold_grid", "scatter", "latent_kl",
    "COLORS", "MARKERS", "CLASS_COLORS", "GAP",
]  # fmt: skip
