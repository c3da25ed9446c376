"""The published rules of Gymnasium's Env and vector API, over every registered environment."""

import numpy as np
import pytest
from conftest import ALL_ENVS
from gymnasium.vector import AutoresetMode

import credo
import credo.gymnasium as adapter
from credo.gymnasium import JointEnv, VectorEnv


@pytest.mark.parametrize("id", ALL_ENVS)
def test_rules_of_the_joint_environment(id):
    env, twin = JointEnv(id), JointEnv(id)
    for e in (env, twin):
        e.action_space.seed(1)
    obs, info = env.reset(seed=123, options={})
    again, _ = twin.reset(seed=123)
    assert env._np_random is not None and isinstance(info, dict)
    assert (obs == again).all() and env.observation_space.contains(obs)
    for _ in range(5):
        action = env.action_space.sample()
        mine, other = env.step(action), twin.step(action)
        obs, reward, terminated, truncated, info = mine
        assert (obs == other[0]).all() and mine[1:4] == other[1:4]
        assert env.observation_space.contains(obs) and env.state_space.contains(info["state"])
        assert type(reward) is float and type(terminated) is bool and type(truncated) is bool
        assert info["action_mask"].shape == (len(env.action_space.nvec), env.action_space.nvec[0])
        if terminated or truncated:
            obs, _ = env.reset()
            assert (obs == twin.reset()[0]).all()
    env.close()
    env.close()


@pytest.mark.parametrize("id", ALL_ENVS)
def test_rules_of_the_vector_environment(id):
    n = 3
    envs, reference = VectorEnv(id, n, threads=1), credo.VecEnv(id, n, threads=1)
    assert envs.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP and envs.num_envs == n
    assert envs.observation_space.shape == (n, *envs.single_observation_space.shape)
    assert envs.action_space.shape == (n, *envs.single_action_space.shape)
    obs, infos = envs.reset(seed=5)
    reference.reset(seed=5)
    kept = obs, obs.copy()
    for t in range(6):
        actions = reference.sample_actions(t).astype(np.int64)
        assert envs.action_space.contains(actions)
        obs, rewards, terminations, truncations, infos = envs.step(actions)
        reference.step(actions)
        assert envs.observation_space.contains(obs) and (obs == reference.obs).all()
        assert rewards.shape == (n,) and rewards.dtype == np.float64
        assert terminations.dtype == truncations.dtype == bool
        assert (rewards == reference.reward).all() and (truncations == reference.truncated).all()
        for key in [k for k in infos if not k.startswith("_")]:
            assert infos["_" + key].shape == (n,) and infos["_" + key].dtype == bool
        ended = terminations | truncations
        assert ("final_obs" in infos) == ended.any() == ("final_info" in infos)
        for i in np.flatnonzero(ended):
            assert (infos["final_obs"][i] == reference.final_obs[i]).all()
            assert envs.single_observation_space.contains(infos["final_obs"][i])
            info = reference.final_info[i]
            for name in ("episode_return", "episode_length"):
                assert infos["final_info"][name][i] == info[name]
        if ended.any():
            assert (infos["_final_obs"] == ended).all()
            assert all(infos["final_obs"][i] is None for i in np.flatnonzero(~ended))
    assert (kept[0] == kept[1]).all()  # copies, unless copy=False
    envs.close()
    assert envs.closed and envs.envs.closed


def test_no_copies_when_asked():
    envs = VectorEnv("predator_prey/5x5", 2, copy=False)
    obs, _ = envs.reset(seed=0)
    assert obs is envs.step(envs.envs.sample_actions())[0]


def test_illegal_actions_and_masks():
    envs = VectorEnv("skirmish/3m", 2)
    _, infos = envs.reset(seed=0)
    assert infos["action_mask"].shape == (2, 3, 9) and infos["action_mask"].dtype == np.int8
    infos = envs.step(np.array([[1, 1, 1], [8, 1, 0]]))[-1]
    assert infos["illegal_action"].tolist() == [[False] * 3, [True, False, True]]
    assert infos["_illegal_action"].tolist() == [False, True]
    with pytest.raises(credo.IllegalActionError, match="environment 1"):
        strict = VectorEnv("skirmish/3m", 2, strict=True)
        strict.reset()
        strict.step(np.array([[1, 1, 1], [8, 1, 0]]))
    with pytest.raises(credo.UserError, match="shape"):
        envs.step(np.zeros((2, 4), int))
    joint = JointEnv("skirmish/3m")
    joint.reset(seed=0)
    assert joint.step(np.array([8, 1, 99]))[-1]["illegal_action"].tolist() == [True, False, True]
    with pytest.raises(TypeError):
        joint.step(np.array([1.0, 1.0, 1.0]))


def test_reset_of_some_and_ends_of_battles():
    envs = VectorEnv("skirmish/3m", 3, limit=2)
    envs.reset(seed=0)
    envs.step(np.ones((3, 3), int))
    envs.reset(options={"reset_mask": np.array([True, False, False])})
    infos = envs.step(np.ones((3, 3), int))[-1]
    assert infos["_final_info"].tolist() == [False, True, True]
    assert infos["final_info"]["won"].tolist() == [False] * 3
    assert infos["final_info"]["episode_length"].tolist() == [0, 2, 2]
    assert (infos["final_info"]["state"][1] == envs.envs.final_state[1]).all()


def test_registration():
    adapter.register_envs()
    adapter.register_envs()
    assert "Credo/skirmish-3m" in adapter.gymnasium.registry
