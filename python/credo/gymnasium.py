"""Credo's environments behind Gymnasium's APIs: one joint action, or many environments at once.

    from credo.gymnasium import JointEnv, VectorEnv
    env = JointEnv("predator_prey/5x5")        # gymnasium.Env, MultiDiscrete actions
    envs = VectorEnv("predator_prey/5x5", 64)  # gymnasium.vector.VectorEnv, AutoresetMode.SAME_STEP
"""

try:
    import numpy.typing  # noqa: F401  (NumPy 1.24 does not load it by itself; Gymnasium needs it)
    import gymnasium
    from gymnasium import spaces
    from gymnasium.vector import AutoresetMode
except ImportError as error:
    raise ImportError(
        f"credo.gymnasium needs Gymnasium: pip install 'gymnasium>=1.1' ({error})"
    ) from error

import numpy as np

from . import _credo


def _observation_space(spec, lead=()):
    shape = (*lead, spec.n_agents, spec.obs_dim)
    low, high = spec.obs_low, spec.obs_high
    high = np.where(low == high, high + 1, high)  # check_env warns about numbers that never change
    return spaces.Box(np.broadcast_to(low, shape), np.broadcast_to(high, shape), dtype=np.float32)


def _first_available(actions, avail):
    """The same actions with every illegal one replaced, and where that was."""
    actions = np.asarray(actions).astype(np.int64)
    if actions.shape != avail.shape[:-1]:
        raise _credo.UserError(f"actions: shape {avail.shape[:-1]} expected, got {actions.shape}")
    inside = (actions >= 0) & (actions < avail.shape[-1])
    taken = np.take_along_axis(avail, np.where(inside, actions, 0)[..., None], -1)[..., 0]
    illegal = ~(inside & (taken != 0))
    return np.where(illegal, avail.argmax(-1), actions), illegal


class JointEnv(gymnasium.Env):
    """One environment whose action is the joint action [n_agents] and whose observation is that of
    all agents [n_agents, obs_dim]. info: action_mask, state; won at the end of a battle.

    strict: an illegal action raises. Otherwise the agent takes its first available action, and
    info["illegal_action"] (bool [n_agents]) says who did.
    """

    metadata = {"render_modes": ["ansi"], "render_fps": 4}

    def __init__(self, id, *, strict=False, render_mode=None, **params):
        if render_mode not in (None, "ansi"):
            raise _credo.UserError(f"render_mode = {render_mode!r}: allowed: None, 'ansi'")
        self.env = _credo.Env(id, **params)
        self.strict = strict
        self.render_mode = render_mode
        spec = self.env.spec
        self.observation_space = _observation_space(spec)
        self.action_space = spaces.MultiDiscrete([spec.n_actions] * spec.n_agents)
        self.state_space = spaces.Box(spec.state_low, spec.state_high, dtype=np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.env.reset(seed)
        return self.env.obs.copy(), self._info()

    def step(self, action):
        illegal = None
        try:
            reward, terminated, truncated = self.env.step(action)
        except _credo.IllegalActionError:
            if self.strict:
                raise
            action, illegal = _first_available(action, self.env.avail)
            reward, terminated, truncated = self.env.step(action)
        info = self._info()
        if illegal is not None:
            info["illegal_action"] = illegal
        if (terminated or truncated) and self.env.won is not None:
            info["won"] = self.env.won
        return self.env.obs.copy(), reward, terminated, truncated, info

    def render(self):
        return self.env.render() if self.render_mode == "ansi" else None

    def close(self):
        self.env.close()

    def _info(self):
        return {"action_mask": self.env.avail.astype(np.int8), "state": self.env.state.copy()}


class VectorEnv(gymnasium.vector.VectorEnv):
    """`num_envs` environments; observations [num_envs, n_agents, obs_dim], actions
    [num_envs, n_agents], rewards float64 [num_envs].

    infos: action_mask, state; where an episode ended: final_obs, final_info (episode_return,
    episode_length, state, won where there are battles), each with its mask `_NAME`.
    copy=False hands out the arrays that the next step overwrites.
    """

    metadata = {"render_modes": ["ansi"], "autoreset_mode": AutoresetMode.SAME_STEP}

    def __init__(
        self, id, num_envs, *, threads=0, strict=False, copy=True, render_mode=None, **params
    ):
        if render_mode not in (None, "ansi"):
            raise _credo.UserError(f"render_mode = {render_mode!r}: allowed: None, 'ansi'")
        self.envs = _credo.VecEnv(id, num_envs, threads=threads, **params)
        self.num_envs = num_envs
        self.strict = strict
        self.copy = copy
        self.render_mode = render_mode
        spec = self.envs.spec
        joint = [spec.n_actions] * spec.n_agents
        self.single_observation_space = _observation_space(spec)
        self.observation_space = _observation_space(spec, (num_envs,))
        self.single_action_space = spaces.MultiDiscrete(joint)
        self.action_space = spaces.MultiDiscrete(np.tile(joint, (num_envs, 1)))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        mask = (options or {}).get("reset_mask")
        self.envs.reset(seed, mask)
        return self._out(self.envs.obs), self._infos()

    def step(self, actions):
        illegal = None
        try:
            reward, terminated, truncated = self.envs.step(actions)
        except _credo.IllegalActionError:
            if self.strict:
                raise
            actions, illegal = _first_available(actions, self.envs.avail)
            reward, terminated, truncated = self.envs.step(actions)
        infos = self._infos()
        if illegal is not None:
            infos["illegal_action"] = illegal
            infos["_illegal_action"] = illegal.any(-1)
        ended = terminated | truncated
        if ended.any():
            self._add_final(infos, ended)
        out = self._out
        return out(self.envs.obs), out(reward), out(terminated), out(truncated), infos

    def render(self):
        if self.render_mode != "ansi":
            return None
        return tuple(self.envs.render(i) for i in range(self.num_envs))

    def close_extras(self, **kwargs):
        self.envs.close()

    def _out(self, array):
        return array.copy() if self.copy else array

    def _infos(self):
        everywhere = np.ones(self.num_envs, bool)
        return {
            "action_mask": self.envs.avail.astype(np.int8),
            "_action_mask": everywhere,
            "state": self._out(self.envs.state),
            "_state": everywhere.copy(),
        }

    def _add_final(self, infos, ended):
        where = np.flatnonzero(ended)
        last = self.envs.final_info
        final_obs = np.full(self.num_envs, None, dtype=object)
        for i in where:
            final_obs[i] = self.envs.final_obs[i].copy()
        final = {"state": self.envs.final_state.copy(), "_state": ended.copy()}
        names = [("episode_return", np.float64), ("episode_length", np.int64)]
        if last[where[0]]["won"] is not None:
            names.append(("won", bool))
        for name, dtype in names:
            values = np.zeros(self.num_envs, dtype)
            values[where] = [last[i][name] for i in where]
            final[name], final["_" + name] = values, ended.copy()
        infos["final_obs"], infos["_final_obs"] = final_obs, ended.copy()
        infos["final_info"], infos["_final_info"] = final, ended.copy()


def register_envs():
    """Makes every environment known to gymnasium.make as "Credo/<id with '/' as '-'>"."""
    for id in _credo.list_envs():
        name = "Credo/" + id.replace("/", "-")
        if name not in gymnasium.registry:
            gymnasium.register(
                id=name, entry_point=JointEnv, kwargs={"id": id}, disable_env_checker=True
            )
