"""Environments written in Python for the tests."""

import json

import numpy as np

import credo


class PythonTwoStep(credo.PythonEnv):
    """The native two_step, seen through Python: same observations, so the same training."""

    def __init__(self):
        self.native = credo.make("two_step")
        spec = self.native.spec
        self.n_agents, self.n_actions = spec.n_agents, spec.n_actions
        self.obs_dim, self.state_dim = spec.obs_dim, spec.state_dim
        self.episode_limit = spec.episode_limit
        self.action_names = spec.action_names

    def reset(self, seed):
        self.native.reset(seed)

    def step(self, actions):
        reward, terminated, _ = self.native.step(actions)
        return reward, terminated

    def observe(self, obs, state, avail):
        obs[:] = self.native.obs
        state[:] = self.native.state
        avail[:] = self.native.avail

    def save(self):
        return self.native.save()

    def load(self, state):
        self.native.load(state)


class Corridor:
    """Two agents walk a line of seven cells; the team wins where both stand on the last one."""

    n_agents, n_actions, obs_dim, state_dim, episode_limit = 2, 2, 7, 14, 12
    action_names = ["left", "right"]

    def __init__(self):
        self.at = [0, 0]
        self.episodes = 0

    def reset(self, seed):
        self.episodes += 1
        self.at = list(np.random.default_rng(seed).integers(0, 3, size=2))

    def step(self, actions):
        self.at = [min(6, max(0, x + (1 if a else -1))) for x, a in zip(self.at, actions)]
        won = self.at == [6, 6]
        return (1.0 if won else (sum(self.at) - 12) / 24), won

    def observe(self, obs, state, avail):
        obs[:] = np.eye(7)[self.at]
        state[:] = obs.ravel()
        for row, x in zip(avail, self.at):
            row[0] = x > 0

    def render(self):
        return "".join(str(self.at.count(x)) for x in range(7))


class SavedCorridor(Corridor):
    def save(self):
        return json.dumps([[int(x) for x in self.at], self.episodes]).encode()

    def load(self, state):
        self.at, self.episodes = json.loads(state)
