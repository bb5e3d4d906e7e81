"""A class's submissions, graded: every student gets a line, whatever the others handed in.

`submissions` reads a folder, `running` asks each submission's functions the questions of its exercise, `table` keeps
the rows, `pages` tells students, `roster` knows who is in the class, and `similarity` shows who wrote the same.
"""

from aevb_np.grading.running import points

__all__ = ["points"]
