"""The methods that a run can be trained by, under the names that settings have for them."""

from typing import Any

from aevb_np.aevb import AEVB
from aevb_np.full_vb import FullVB
from aevb_np.mcem import MCEM
from aevb_np.method import Method
from aevb_np.wake_sleep import WakeSleep

METHODS: dict[str, type[Method]] = {method.name: method for method in (AEVB, WakeSleep, MCEM, FullVB)}

OWN_SETTINGS = ("draws", "estimator", "freeze")  # that not every method has


def own_settings(config: Any) -> list[str]:
    """Those that the method of a `Config` has and that shape every step, in words."""
    words = {"draws": f"L = {config.draws}", "estimator": f"estimator {config.estimator}"}
    return [words[name] for name in ("estimator", "draws") if name in METHODS[config.method].settings]
