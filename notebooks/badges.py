"""Badges for Colab and Binder in notebooks/README.md, all made from one address: `url` under [metadata] in setup.cfg.

    python notebooks/badges.py            # write them; none while there is no url
    python notebooks/badges.py --verify   # 1 if what is written is not what the url asks for

Both services open notebooks from GitHub; an address elsewhere gets no badges.
"""

import argparse
import configparser
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
README, SETUP = FOLDER / "README.md", FOLDER.parent / "setup.cfg"
BEGIN, END = "<!-- badges: made by notebooks/badges.py -->", "<!-- end of badges -->"
GITHUB = "https://github.com/"
BRANCH = "main"
COLAB = "https://colab.research.google.com"
BINDER = "https://mybinder.org"


def address(setup: str) -> str:
    """The url in the text of a setup.cfg; empty if it is, or if there is none."""
    settings = configparser.ConfigParser(interpolation=None)
    settings.read_string(setup)
    return settings.get("metadata", "url", fallback="").strip()


def badges(url: str, notebooks: list[str]) -> list[str]:
    """The lines between the markers, for a project at `url` with these notebooks (paths from the project's root)."""
    project = url.removeprefix(GITHUB).rstrip("/").removesuffix(".git")
    if not url.startswith(GITHUB) or project.count("/") != 1:
        return []
    lines = [
        "",
        f"In Colab, first run `%pip install -q git+{GITHUB}{project}` in a cell of its own; Binder has it all.",
        "",
        f"[![Binder]({BINDER}/badge_logo.svg)]({BINDER}/v2/gh/{project}/{BRANCH}?urlpath=lab/tree/notebooks)",
        "",
    ]
    for path in notebooks:
        badge = f"[![Colab]({COLAB}/assets/colab-badge.svg)]({COLAB}/github/{project}/blob/{BRANCH}/{path})"
        lines.append(f"- {badge} {Path(path).stem}")
    return [*lines, ""]


def inserted(text: str, lines: list[str]) -> str:
    """The document with these lines between its markers."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the document needs the lines {BEGIN} and {END}, in this order, to say where badges go")
    return "\n".join([before + begin, *lines, end + after])


def wanted() -> str:
    """What notebooks/README.md should be."""
    notebooks = [path.relative_to(FOLDER.parent).as_posix() for path in sorted(FOLDER.glob("[0-9][0-9]_*.ipynb"))]
    url = address(SETUP.read_text(encoding="utf-8"))
    return inserted(README.read_text(encoding="utf-8"), badges(url, notebooks))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--verify", action="store_true", help="write nothing; 1 if there would be something to write")
    verify = parser.parse_args().verify
    text = wanted()
    if text == README.read_text(encoding="utf-8"):
        return 0
    if verify:
        print(f"{README.name} does not have the badges of setup.cfg's url; run python notebooks/badges.py")
        return 1
    README.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
