"""Environments written in Python, for Credo's native learners."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


class PythonEnv:
    """What an environment written in Python offers; deriving from this class is optional.

    Attributes: n_agents, n_actions, obs_dim, state_dim, episode_limit (all positive integers);
    optional: action_names, won (True, False or None), unit_dim (the state begins with n_agents blocks
    of so many numbers, one about each agent; Qatten reads them).

    The time limit is not the environment's business. With `save` and `load` every episode begins
    from the state that a new instance had, and a stopped run can be resumed.
    """

    def reset(self, seed: int) -> None:
        """Starts an episode that depends on this integer (and on the actions) alone."""
        raise NotImplementedError

    def step(self, actions: np.ndarray) -> tuple[float, bool]:
        """actions: int32 [n_agents]. Returns (reward, terminated)."""
        raise NotImplementedError

    def observe(self, obs: np.ndarray, state: np.ndarray, avail: np.ndarray) -> None:
        """Writes the situation into float32 [n_agents, obs_dim], float32 [state_dim] and
        uint8 [n_agents, n_actions]; `avail` is all ones on entry."""
        raise NotImplementedError

    # Optional: save() -> bytes, load(bytes), render() -> str.


class _FromPyMARL(PythonEnv):
    def __init__(self, env):
        info = env.get_env_info()
        self.env = env
        self.n_agents = info["n_agents"]
        self.n_actions = info["n_actions"]
        self.obs_dim = info["obs_shape"]
        self.state_dim = info["state_shape"]
        self.episode_limit = info["episode_limit"]

    def reset(self, seed):
        try:
            self.env.reset(seed=seed)
        except TypeError:  # PyMARL's reset takes no seed
            seeder = getattr(self.env, "seed", None)
            if callable(seeder):
                try:
                    seeder(seed)
                except TypeError:
                    pass
            self.env.reset()

    def step(self, actions):
        result = self.env.step(actions)
        if len(result) == 3:
            reward, terminated, info = result
            cut = bool(info.get("episode_limit", False))
        else:
            _, reward, terminated, cut, info = result
        return float(np.mean(reward)), bool(terminated) and not cut

    def observe(self, obs, state, avail):
        obs[:] = self.env.get_obs()
        state[:] = self.env.get_state()
        avail[:] = self.env.get_avail_actions()


def from_pymarl(make_env: Callable[[], object]) -> Callable[[], PythonEnv]:
    """A factory of PythonEnv from a factory of PyMARL's or EPyMARL's MultiAgentEnv."""

    def factory():
        return _FromPyMARL(make_env())

    factory.__name__ = getattr(make_env, "__name__", "pymarl")
    return factory


class _FromPettingZoo(PythonEnv):
    def __init__(self, env, episode_limit):
        self.env = env
        self.agents = list(env.possible_agents)
        self.n_agents = len(self.agents)
        self.n_actions = max(int(env.action_space(agent).n) for agent in self.agents)
        self.episode_limit = episode_limit
        self.is_on = False
        observations, _ = env.reset(seed=0)
        self._set(observations, {})
        self.obs_dim = max(self._flat(observations[agent]).size for agent in self.agents)
        try:
            self.state_dim = np.asarray(env.state()).size
            self.has_state = True
        except (AttributeError, NotImplementedError):
            self.state_dim = self.n_agents * self.obs_dim
            self.has_state = False

    @staticmethod
    def _flat(observation):
        if isinstance(observation, dict):
            observation = observation["observation"]
        return np.asarray(observation, np.float32).ravel()

    def _set(self, observations, infos):
        self.observations = observations
        self.infos = infos

    def reset(self, seed):
        self._set(*self.env.reset(seed=seed))

    def step(self, actions):
        live = set(self.env.agents)
        joint = {a: int(action) for a, action in zip(self.agents, actions) if a in live}
        observations, rewards, terminations, _, infos = self.env.step(joint)
        self._set(observations, infos)
        reward = float(sum(rewards.values())) / max(len(rewards), 1)
        return reward, not self.env.agents and any(terminations.values())

    def observe(self, obs, state, avail):
        obs[:] = 0.0
        no_more = np.arange(self.n_actions) == 0  # of an agent that has left
        for i, agent in enumerate(self.agents):
            if agent in self.observations:
                flat = self._flat(self.observations[agent])
                obs[i, : flat.size] = flat
            avail[i] = self._mask(agent) if agent in self.observations else no_more
        state[:] = np.ravel(self.env.state()) if self.has_state else obs.ravel()

    def _mask(self, agent):
        observation = self.observations[agent]
        mask = None
        if isinstance(observation, dict):
            mask = observation.get("action_mask")
        if mask is None:
            mask = self.infos.get(agent, {}).get("action_mask")
        full = np.zeros(self.n_actions, np.uint8)
        if mask is None:
            full[: int(self.env.action_space(agent).n)] = 1
        else:
            full[: len(mask)] = mask
        return full


def from_pettingzoo(
    make_env: Callable[[], object], episode_limit: int
) -> Callable[[], PythonEnv]:
    """A factory of PythonEnv from a factory of PettingZoo's ParallelEnv with Discrete actions.

    The team's reward is the mean of the agents'. An agent that has left sees zeros and can only
    take action 0. episode_limit: the environment must not cut episodes earlier than this.
    """

    def factory():
        return _FromPettingZoo(make_env(), episode_limit)

    factory.__name__ = getattr(make_env, "__name__", "pettingzoo")
    return factory
