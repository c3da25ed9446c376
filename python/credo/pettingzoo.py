"""Credo's environments behind PettingZoo's parallel API.

    from credo.pettingzoo import parallel_env
    env = parallel_env("skirmish/3m")
    observations, infos = env.reset(seed=0)

All agents stay in `agents` until the episode ends for everybody: a dead one has only the action that
does nothing, as in SMAC. Every agent's reward is the team's.
"""

try:
    import numpy.typing  # noqa: F401  (NumPy 1.24 does not load it by itself; Gymnasium needs it)
    from gymnasium import spaces
    from pettingzoo import ParallelEnv
except ImportError as error:
    raise ImportError(
        f"credo.pettingzoo needs PettingZoo and Gymnasium: pip install 'pettingzoo>=1.24' ({error})"
    ) from error

import numpy as np

from . import _credo


def parallel_env(id, *, strict=False, render_mode=None, **params):
    """The environment `id`; parameters are named as in `--set env.NAME=VALUE`.

    strict: an illegal action raises credo.IllegalActionError. Otherwise the agent takes its first
    available action instead, and its info says illegal_action=True.
    """
    return CredoParallelEnv(id, strict=strict, render_mode=render_mode, **params)


class CredoParallelEnv(ParallelEnv):
    metadata = {"name": "credo", "render_modes": ["ansi"], "is_parallelizable": True}

    def __init__(self, id, *, strict=False, render_mode=None, **params):
        if render_mode not in (None, "ansi"):
            raise _credo.UserError(f"render_mode = {render_mode!r}: allowed: None, 'ansi'")
        self.env = _credo.Env(id, **params)
        self.strict = strict
        self.render_mode = render_mode
        spec = self.env.spec
        self.metadata = {**type(self).metadata, "name": id}
        self.possible_agents = [f"agent_{i}" for i in range(spec.n_agents)]
        self.agents = []
        low, high = spec.obs_low, spec.obs_high
        self.observation_spaces = {
            agent: spaces.Dict(
                observation=spaces.Box(low, high, dtype=np.float32),
                action_mask=spaces.Box(0, 1, (spec.n_actions,), np.int8),
            )
            for agent in self.possible_agents
        }
        self.action_spaces = {a: spaces.Discrete(spec.n_actions) for a in self.possible_agents}
        self._masks = self.env.avail.view(np.int8)
        self.state_space = spaces.Box(spec.state_low, spec.state_high, dtype=np.float32)

    def observation_space(self, agent):
        return self.observation_spaces[agent]

    def action_space(self, agent):
        return self.action_spaces[agent]

    def reset(self, seed=None, options=None):
        self.env.reset(seed)
        self.agents = self.possible_agents[:]
        observations, masks = self._observations()
        infos = {agent: {"action_mask": mask} for agent, mask in zip(self.agents, masks)}
        return observations, infos

    def step(self, actions):
        agents = self.agents
        if not agents:
            raise _credo.UserError("step outside of an episode: call reset first")
        illegal = ()
        try:
            reward, terminated, truncated = self.env.step([actions[a] for a in agents])
        except _credo.IllegalActionError:
            if self.strict:
                raise
            legal, illegal = self._legal(actions)
            reward, terminated, truncated = self.env.step(legal)
        except KeyError as error:
            raise _credo.UserError(f"actions: none for agent {error}") from None
        observations, masks = self._observations()
        infos = {agent: {"action_mask": mask} for agent, mask in zip(agents, masks)}
        for agent in illegal:
            infos[agent]["illegal_action"] = True
        if terminated or truncated:
            self.agents = []
            won = self.env.won
            if won is not None:
                for info in infos.values():
                    info["won"] = won
        return (
            observations,
            dict.fromkeys(agents, reward),
            dict.fromkeys(agents, terminated),
            dict.fromkeys(agents, truncated),
            infos,
        )

    def state(self):
        return self.env.state.copy()

    def render(self):
        return self.env.render() if self.render_mode == "ansi" else None

    def close(self):
        self.env.close()
        self.agents = []

    def _observations(self):
        # One copy for all agents: what was handed out before must not change.
        rows = self.env.obs.copy()
        masks = list(self._masks.copy())
        return {
            agent: {"observation": row, "action_mask": mask}
            for agent, row, mask in zip(self.possible_agents, rows, masks)
        }, masks

    def _legal(self, actions):
        legal, illegal = [], []
        for agent, mask in zip(self.agents, self.env.avail):
            action = int(actions[agent])
            if not 0 <= action < len(mask) or not mask[action]:
                action = int(mask.argmax())
                illegal.append(agent)
            legal.append(action)
        return legal, illegal
