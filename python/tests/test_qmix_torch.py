"""A learner of another make, through the PyMARL adapter: it runs here, and it learns."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="python3-torch is not installed")

from python_envs import SavedCorridor  # noqa: E402
from qmix_torch import train  # noqa: E402

import credo  # noqa: E402


def test_it_learns_through_the_adapter():
    id = credo.register_env("qmix_corridor", SavedCorridor)
    points = []
    train(id, 0, 2500, lambda *point: points.append(point), interval=10_000, test_episodes=8)
    assert points[0][0] == 0 and points[-1][0] >= 2500 and len(points) == 2
    assert all(np.isfinite(value) and won is None for _, value, won in points)
