"""Training with Credo's native learners: the same runs as `credo run`, from Python."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

from . import _credo


def _text(value):
    if isinstance(value, bool) or type(value).__name__ == "bool_":
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if hasattr(value, "__index__"):
        return str(value.__index__())
    return repr(float(value))


def _env_id(env):
    """The id of an environment given by its id or by a factory of PythonEnv."""
    if isinstance(env, str):
        return env
    if not callable(env):
        raise _credo.UserError(
            f"env: an id or a factory of environments expected, not a {type(env).__name__}"
        )
    name = re.sub(r"[^A-Za-z0-9_-]", "_", getattr(env, "__name__", "env")).strip("_") or "env"
    return _credo.register_env(name, env)


class Trainer:
    """One run: `Trainer("two_step", "qmix", profile="two_step").run("runs/two_step")`.

    env        an id, or a factory of environments written in Python (credo.PythonEnv); a factory is
               registered as "python/<its name>"
    alg        as `credo run --alg`
    settings   {"learner.gamma": 0.98, ...}: as `--set`
    env_params {"limit": 25, ...}: parameters of the environment
    threads    of the native learner; one where the environment is written in Python

    The folder is that of `credo run`, byte for byte.
    """

    def __init__(
        self,
        env: str | Callable[[], object],
        alg: str = "qmix",
        *,
        seed: int = 0,
        profile: str | None = None,
        t_max: int | None = None,
        settings: dict | None = None,
        env_params: dict | None = None,
        threads: int = 1,
    ):
        pairs = {f"env.{key}": value for key, value in (env_params or {}).items()}
        pairs.update(settings or {})
        sets = [f"{key}={_text(value)}" for key, value in pairs.items()]
        self.env_id = _env_id(env)
        self._run = _credo.RunTrainer(self.env_id, alg, seed, profile, t_max, sets, threads)

    @property
    def config(self) -> str:
        """The effective configuration, the text of the run folder's config.toml."""
        return self._run.config_text

    def run(
        self,
        out: str | os.PathLike[str],
        on_progress: Callable[[int, int, float | None], object] | None = None,
    ) -> dict:
        """Trains into the folder `out` and returns how it ended.

        on_progress(t_env, t_max, last_return) is called after every batch of episodes. Ctrl-C saves
        a checkpoint and raises KeyboardInterrupt.
        """
        return self._run.run(os.fspath(out), on_progress)

    @staticmethod
    def resume(
        path: str | os.PathLike[str],
        env: Callable[[], object] | None = None,
        threads: int = 1,
        on_progress: Callable[[int, int, float | None], object] | None = None,
    ) -> dict:
        """Goes on with a stopped run. env: the factory, for an environment written in Python that
        this process has not registered yet."""
        if env is not None:
            _env_id(env)
        return _credo.resume_run(os.fspath(path), threads, on_progress)
