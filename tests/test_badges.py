"""The badges of notebooks/README.md follow the one address in setup.cfg."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SPEC = importlib.util.spec_from_file_location("badges", ROOT / "notebooks" / "badges.py")
badges = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(badges)

NOTEBOOKS = ["notebooks/00_a_first.ipynb", "notebooks/01_a_second.ipynb"]
EMPTY = f"# Title\n\n{badges.BEGIN}\n{badges.END}\n\nText.\n"


def made(setup, text=EMPTY):
    """The document for the text of a setup.cfg."""
    return badges.inserted(text, badges.badges(badges.address(setup), NOTEBOOKS))


@pytest.mark.parametrize("url", ["https://github.com/o/p", "https://github.com/o/p/", "https://github.com/o/p.git"])
def test_with_a_url_every_notebook_has_a_badge(url):
    text = made(f"[metadata]\nname = p\nurl = {url}\n")
    for path in NOTEBOOKS:
        assert f"](https://colab.research.google.com/github/o/p/blob/main/{path})" in text
    assert "](https://mybinder.org/v2/gh/o/p/main?urlpath=lab/tree/notebooks)" in text
    assert "git+https://github.com/o/p`" in text


@pytest.mark.parametrize("line", ["", "url =\n", "url = https://elsewhere.example/o/p\n", "url = https://github.com/o\n"])
def test_without_one_there_are_none(line):
    assert made(f"[metadata]\nname = p\n{line}") == EMPTY


def test_what_was_there_is_replaced():
    setup = "[metadata]\nurl = https://github.com/o/p\n"
    once = made(setup)
    assert once != EMPTY and made(setup, once) == once and made("[metadata]\n", once) == EMPTY


def test_a_document_without_markers_is_refused():
    with pytest.raises(ValueError, match="to say where badges go"):
        badges.inserted("# Title\n", [])


def test_the_readme_has_the_badges_of_this_project():
    assert badges.README.read_text(encoding="utf-8") == badges.wanted()


def test_verify_tells(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["badges.py", "--verify"])
    readme, setup = tmp_path / "README.md", tmp_path / "setup.cfg"
    readme.write_text(EMPTY, encoding="utf-8")
    setup.write_text("[metadata]\nurl = https://github.com/o/p\n", encoding="utf-8")
    monkeypatch.setattr(badges, "README", readme)
    monkeypatch.setattr(badges, "SETUP", setup)
    assert badges.main() == 1 and readme.read_text(encoding="utf-8") == EMPTY
    assert "run python notebooks/badges.py" in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["badges.py"])
    assert badges.main() == 0 and "mybinder" in readme.read_text(encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["badges.py", "--verify"])
    assert badges.main() == 0
