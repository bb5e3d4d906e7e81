"""What lies in the files that people bring: which arrays (`formats`, `pictures`), which of them are images (`naming`),
how the images lie in an array (`layout`), and what their numbers mean (`ranges`)."""
