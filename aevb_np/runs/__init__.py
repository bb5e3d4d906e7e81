"""A run from its settings to its pictures: what is trained, how far it has come, and the folder that keeps it."""
