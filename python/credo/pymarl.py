"""Credo's environments behind the MultiAgentEnv interface of PyMARL and EPyMARL.

The page docs/python.md shows the two lines that register it in either; then
`--env-config=sc2 with env_args.map_name=3m` trains on skirmish/3m, and `env_args.env_id=...` names
any other environment.
"""

import os

from . import _credo

# Arguments of SMAC's StarCraft2Env that mean nothing here.
_IGNORED = ("game_version", "debug", "window_size_x", "window_size_y", "reward_scalarisation")


class CredoMultiAgentEnv:
    """PyMARL's interface: step returns (reward, terminated, info), reset (obs, state).

    map_name: a map of SMAC, played as "skirmish/<map_name>"; env_id: any id, in its place. Further
    arguments are parameters of the environment; those of SMAC's that Credo has no use for are
    accepted. seed: None = 0.

    A time-out is reported as SMAC does it: terminated, with info["episode_limit"] = True only under
    `continuing_episode`. That is off for skirmish (SMAC's default), on for the other environments.
    """

    def __init__(
        self,
        env_id=None,
        map_name=None,
        seed=None,
        continuing_episode=None,
        replay_dir="",
        replay_prefix="",
        difficulty="7",
        common_reward=True,
        **params,
    ):
        if (env_id is None) == (map_name is None):
            raise _credo.UserError("give either env_id or map_name")
        if str(difficulty) != "7":
            raise _credo.UserError(
                f"difficulty = {difficulty!r}: allowed: '7'; opponents are chosen by `opponent`"
            )
        if not common_reward:
            raise _credo.UserError("common_reward = False: Credo's rewards are the team's")
        for name in _IGNORED:
            params.pop(name, None)
        if "time_limit" in params:
            params["limit"] = params.pop("time_limit")
        id = env_id if env_id is not None else f"skirmish/{map_name}"
        is_battle = id.startswith("skirmish/")
        if is_battle:
            # Told apart from a lost battle, a time-out can be counted and named in the info.
            params.setdefault("limit_is_terminal", False)
        self.env = _credo.Env(id, **params)
        spec = self.env.spec
        self.spec = spec
        self.n_agents = spec.n_agents
        self.n_actions = spec.n_actions
        self.episode_limit = spec.episode_limit
        self.continuing_episode = not is_battle if continuing_episode is None else continuing_episode
        self.replay_dir = replay_dir
        self.replay_prefix = replay_prefix
        self._seed = 0 if seed is None else seed
        self._is_new_seed = True
        self._actions = []
        self._start = None
        self.battles_game = self.battles_won = self.timeouts = 0

    # One step and one episode.

    def reset(self, seed=None, options=None):
        """Starts an episode; returns its observations and state."""
        if seed is not None:
            self.seed(seed)
        self.env.reset(self._seed if self._is_new_seed else None)
        self._is_new_seed = False
        self._actions = []
        self._start = (self.env.seed, self.env.episode)
        return self.get_obs(), self.get_state()

    def step(self, actions):
        reward, terminated, _, info = self._step(actions)
        return reward, terminated, info

    def _step(self, actions):
        actions = [int(action) for action in actions]
        reward, terminated, truncated = self.env.step(actions)
        self._actions.append(actions)
        won = self.env.won
        info = {"battle_won": bool(won)} if won is not None else {}
        facts = self.env.info
        for name in ("dead_allies", "dead_enemies"):
            if name in facts:
                info[name] = int(facts[name])
        if terminated or truncated:
            self.battles_game += 1
            self.battles_won += bool(won)
        if truncated:
            self.timeouts += 1
            if self.continuing_episode:
                info["episode_limit"] = True
        # PyMARL knows one kind of end; its learner looks at info["episode_limit"].
        return reward, terminated or truncated, truncated and self.continuing_episode, info

    def get_obs(self):
        return list(self.env.obs.copy())

    def get_obs_agent(self, agent_id):
        return self.env.obs[agent_id].copy()

    def get_obs_size(self):
        return self.spec.obs_dim

    def get_state(self):
        return self.env.state.copy()

    def get_state_size(self):
        return self.spec.state_dim

    def get_avail_actions(self):
        return self.env.avail.tolist()

    def get_avail_agent_actions(self, agent_id):
        return self.env.avail[agent_id].tolist()

    def get_total_actions(self):
        return self.spec.n_actions

    # The rest of the interface.

    def seed(self, seed=None):
        """With a seed: the next reset begins its episode 0. Returns the seed in force."""
        if seed is not None:
            self._seed = seed
            self._is_new_seed = True
        return self._seed

    def render(self, mode="human"):
        print(self.env.render())

    def close(self):
        self.env.close()

    def save_replay(self):
        """Writes the episode so far as text, step by step, and returns the path."""
        if self._start is None:
            raise _credo.UserError("save_replay before the first reset")
        seed, episode = self._start
        env = _credo.Env(self.spec.id, **self.spec.params)
        env.reset(seed, episode=episode)
        parts = [f"{self.spec.id} seed {seed} episode {episode}\n\nt = 0\n{env.render()}\n"]
        for actions in self._actions:
            reward, terminated, truncated = env.step(actions)
            names = " ".join(self.spec.action_names[a] for a in actions)
            end = "  terminated" if terminated else "  truncated" if truncated else ""
            parts.append(f"actions {names}  reward {reward}{end}\n\nt = {env.t}\n{env.render()}\n")
        prefix = self.replay_prefix or self.spec.id.replace("/", "_")
        path = os.path.join(self.replay_dir or ".", f"{prefix}_seed_{seed}_episode_{episode}.txt")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(parts))
        return path

    def get_env_info(self):
        return {
            "state_shape": self.get_state_size(),
            "obs_shape": self.get_obs_size(),
            "n_actions": self.get_total_actions(),
            "n_agents": self.n_agents,
            "episode_limit": self.episode_limit,
        }

    def get_stats(self):
        games = self.battles_game
        return {
            "battles_won": self.battles_won,
            "battles_game": games,
            "battles_draw": self.timeouts,
            "win_rate": self.battles_won / games if games else 0.0,
            "timeouts": self.timeouts,
            "restarts": 0,
        }


class EpymarlEnv(CredoMultiAgentEnv):
    """EPyMARL's interface (2.0 and later): step returns (obs, reward, terminated, truncated, info),
    reset (obs, info)."""

    def reset(self, seed=None, options=None):
        obs, _ = super().reset(seed, options)
        return obs, {}

    def step(self, actions):
        reward, ended, truncated, info = self._step(actions)
        return self.get_obs(), reward, ended and not truncated, truncated, info


