"""Methods answer for themselves: one that nobody foresaw is one file, and a line in the table that makes it known."""

import numpy as np
import pytest
from toy_method import Halves

import aevb_np
from aevb_np.explorer import explore
from aevb_np.runs import pictures
from aevb_np.runs.methods import METHODS


@pytest.fixture
def halves(start, monkeypatch):
    monkeypatch.setitem(METHODS, "halves", Halves)
    return lambda **settings: start(method="halves", **settings)


def test_a_fifth_method_trains_saves_resumes_evaluates_and_draws(halves, tmp_path):
    whole, part = halves(), halves()
    rows = list(whole.train())
    assert rows[-1].test_bound > part.evaluate("test").bound_b.mean() + 1
    for progress in part.steps():
        if progress.samples == 7_000:
            part.save(tmp_path)
            break
    rest = aevb_np.load(tmp_path, part.data)
    assert isinstance(rest.method, Halves)
    list(rest.train())
    assert np.array_equal(rest.p.flat, whole.p.flat)
    assert np.array_equal(rest.method.seen, whole.method.seen) and whole.method.seen.sum() == 12_000
    names = {path.name for path in pictures.draw(rest, tmp_path)}
    assert names == {"curve.png", "samples.png", "manifold.png", "reconstructions.png", "latent.png"}
    assert "half A, half B" in explore(rest).page


def test_settings_that_it_does_not_have_are_refused_by_name(halves):
    with pytest.raises(ValueError, match="draws: for the methods aevb and full-vb; halves has none"):
        halves(draws=3)


def test_a_method_that_nobody_knows(start):
    with pytest.raises(ValueError, match="method is one of aevb, wake-sleep, mcem, full-vb; got 'vae'"):
        start(method="vae")
