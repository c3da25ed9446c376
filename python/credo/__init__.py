"""Credo's environments, policies and results for Python.

    import credo
    env = credo.make("skirmish/3m")
    env.reset(seed=0)
    reward, terminated, truncated = env.step(env.sample_actions())

The page docs/python.md explains everything with examples. Adapters for other libraries are modules
of their own, imported on demand: credo.pettingzoo, credo.gymnasium, credo.pymarl, credo.analysis.
"""

from __future__ import annotations

import importlib

from ._credo import (
    Env,
    EnvSpec,
    Error,
    IllegalActionError,
    UserError,
    VecEnv,
    __version__,
    build_info,
    describe,
    list_envs,
    register_env,
)
from .policy import Hidden, Policy, load_run
from .python_env import PythonEnv, from_pettingzoo, from_pymarl
from .trainer import Trainer

__all__ = [
    "Env",
    "EnvSpec",
    "Error",
    "Hidden",
    "IllegalActionError",
    "Policy",
    "PythonEnv",
    "Trainer",
    "UserError",
    "VecEnv",
    "__version__",
    "build_info",
    "describe",
    "from_pettingzoo",
    "from_pymarl",
    "list_envs",
    "load_run",
    "make",
    "register_env",
]

_ON_DEMAND = ("analysis", "bench", "gymnasium", "pettingzoo", "pymarl")


def make(id: str, **params: bool | int | float | str) -> Env:
    """The environment `id` with parameters named as in `--set env.NAME=VALUE`."""
    return Env(id, **params)


def __getattr__(name):
    if name in _ON_DEMAND:
        return importlib.import_module("." + name, __name__)
    raise AttributeError(f"module 'credo' has no attribute '{name}'")


def __dir__():
    return sorted([*globals(), *_ON_DEMAND])
