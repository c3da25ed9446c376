"""Stand-ins for the spaces the adapters use: shapes, bounds, types, `contains`, seeded samples."""

import numpy as np


class Space:
    def __init__(self):
        self._rng = np.random.default_rng()

    def seed(self, seed):
        self._rng = np.random.default_rng(seed)

    def __contains__(self, value):
        return self.contains(value)


class Box(Space):
    def __init__(self, low, high, shape=None, dtype=np.float32):
        super().__init__()
        shape = np.shape(low) if shape is None else tuple(shape)
        self.low = np.broadcast_to(np.asarray(low, dtype), shape)
        self.high = np.broadcast_to(np.asarray(high, dtype), shape)
        self.shape, self.dtype = shape, np.dtype(dtype)

    def contains(self, value):
        return (
            isinstance(value, np.ndarray)
            and value.dtype == self.dtype
            and value.shape == self.shape
            and bool(np.all(value >= self.low) and np.all(value <= self.high))
        )


class Discrete(Space):
    def __init__(self, n):
        super().__init__()
        self.n = int(n)
        self.shape, self.dtype = (), np.dtype(np.int64)

    def contains(self, value):
        return np.issubdtype(np.asarray(value).dtype, np.integer) and 0 <= int(value) < self.n

    def sample(self, mask=None):
        if mask is None:
            return np.int64(self._rng.integers(self.n))
        assert mask.dtype == np.int8 and mask.shape == (self.n,), "a mask is int8 [n]"
        return np.int64(self._rng.choice(np.flatnonzero(mask)))


class MultiDiscrete(Space):
    def __init__(self, nvec, dtype=np.int64):
        super().__init__()
        self.nvec = np.asarray(nvec, dtype)
        self.shape, self.dtype = self.nvec.shape, np.dtype(dtype)

    def contains(self, value):
        return (
            isinstance(value, np.ndarray)
            and value.shape == self.shape
            and bool(np.all(value >= 0) and np.all(value < self.nvec))
        )

    def sample(self):
        return self._rng.integers(self.nvec, dtype=np.int64)


class Dict(Space):
    def __init__(self, **spaces):
        super().__init__()
        self.spaces = spaces

    def __getitem__(self, key):
        return self.spaces[key]

    def contains(self, value):
        return set(value) == set(self.spaces) and all(v in self.spaces[k] for k, v in value.items())
