"""Somebody else's code in a process of its own: it answers questions with arrays, and can do nothing else to us.

`ours` starts the process and asks, `theirs` runs in it and answers, `wire` is what the two say to each other, and
`guard` stands between them: it ends whatever was started. What judges the answers stays in our process, so the code
that is judged has no verdict to write; all that it can give is numbers, as its functions would.

On Linux the process also gets namespaces of its own where the system allows it: no network, no view of the folders that
are none of its business, and no signal leaves it. Where the system does not allow that, the code can do whatever the
person who runs it can: read, send, delete and end other programs.
"""
