"""A stand-in for the tests, not Gymnasium (see python/tests/standins/README.md)."""

import numpy as np

from . import spaces, vector

IS_STANDIN = True
__all__ = ["Env", "register", "registry", "spaces", "vector"]
registry = {}


class Env:
    metadata = {}
    render_mode = None
    _np_random = None

    def reset(self, *, seed=None, options=None):
        if seed is not None:
            self._np_random = np.random.default_rng(seed)

    @property
    def unwrapped(self):
        return self


def register(id, entry_point, kwargs=None, **options):
    registry[id] = (entry_point, kwargs or {})
