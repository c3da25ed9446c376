"""Trained policies from run folders."""

from __future__ import annotations

import os
from typing import NamedTuple

import numpy as np

from . import _credo


class Hidden(NamedTuple):
    """What a policy remembers of an episode, batch dimensions first."""

    state: np.ndarray  # float32 [..., n_agents, hidden_dim], the GRU's state
    last_action: np.ndarray  # int32 [..., n_agents], -1 before the first


class Policy:
    """The greedy (or epsilon-greedy) policy of a run.

    `weights` holds every parameter as a NumPy array under its PyTorch name. `act` takes one team
    ([n_agents, ...]) or any batch of teams ([..., n_agents, ...]).
    """

    def __init__(self, run: _credo.RunPolicy):
        self._run = run
        self.spec = run.spec
        self.algorithm = run.algorithm
        self.directory = run.directory
        self.seed = run.seed
        self.hidden_dim = run.hidden_dim
        self.checkpoint = run.checkpoint
        self.weights = run.weights

    def initial(self, batch: tuple[int, ...] = ()) -> Hidden:
        """The memory at the start of an episode, for a batch of this shape."""
        lead = (*batch, self.spec.n_agents)
        return Hidden(
            np.zeros((*lead, self.hidden_dim), np.float32), np.full(lead, -1, np.int32)
        )

    def values(self, obs, hidden: Hidden | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Action values (logits for coma) [..., n_agents, n_actions] and the next GRU state."""
        obs = np.asarray(obs, np.float32)
        spec = self.spec
        if obs.shape[-2:] != (spec.n_agents, spec.obs_dim):
            raise _credo.UserError(
                f"obs of shape {obs.shape}: [..., {spec.n_agents}, {spec.obs_dim}] expected"
            )
        lead = obs.shape[:-1]
        hidden = self.initial(lead[:-1]) if hidden is None else hidden
        state, last_action = hidden
        if np.shape(last_action) != lead or np.shape(state)[:-1] != lead:
            raise _credo.UserError(
                f"hidden is of a batch {np.shape(last_action)[:-1]}, obs of a batch {lead[:-1]}"
            )
        values, state = self._run.forward(
            obs.reshape(-1, spec.obs_dim),
            np.reshape(last_action, -1),
            np.reshape(state, (-1, self.hidden_dim)),
        )
        return values.reshape(*lead, spec.n_actions), state.reshape(*lead, self.hidden_dim)

    def act(
        self,
        obs,
        avail,
        hidden: Hidden | None = None,
        epsilon: float = 0.0,
        rng: np.random.Generator | None = None,
    ) -> tuple[np.ndarray, Hidden]:
        """Actions int32 [..., n_agents] and the memory for the next step.

        hidden: what the step before returned; None at the start of an episode. With epsilon > 0,
        `rng` (a numpy.random.Generator) decides whose action is a random available one.
        """
        values, state = self.values(obs, hidden)
        avail = np.asarray(avail)
        if avail.shape != values.shape:
            raise _credo.UserError(f"avail of shape {avail.shape}: {values.shape} expected")
        avail = avail != 0
        if not avail.any(-1).all():
            raise _credo.UserError("avail: an agent has no available action")
        actions = np.where(avail, values, -np.inf).argmax(-1).astype(np.int32)
        if epsilon > 0.0:
            if rng is None:
                raise _credo.UserError("epsilon > 0 needs rng, e.g. numpy.random.default_rng(0)")
            random = np.where(avail, rng.random(values.shape), -1.0).argmax(-1)
            explores = rng.random(actions.shape) < epsilon
            actions = np.where(explores, random, actions).astype(np.int32)
        return actions, Hidden(state, actions)

    def evaluate(
        self, episodes: int = 32, seed: int | None = None, first: int = 0, threads: int = 1
    ) -> list[dict]:
        """Greedy episodes as `credo eval` plays them: a list of dictionaries."""
        return self._run.evaluate(episodes, seed, first, threads)

    def __repr__(self):
        return f"<credo.Policy {self.algorithm} on '{self.spec.id}' from {self.checkpoint}>"


def load_run(path: str | os.PathLike[str], checkpoint: str = "") -> Policy:
    """The policy of a run folder; checkpoint: "" = newest, "best", or "step_<t>"."""
    return Policy(_credo.RunPolicy(os.fspath(path), checkpoint))
