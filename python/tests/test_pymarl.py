"""PyMARL's and EPyMARL's MultiAgentEnv, over every registered environment."""

import numpy as np
import pytest
from conftest import ALL_ENVS

import credo
from credo.pymarl import CredoMultiAgentEnv, EpymarlEnv

# The env_args of PyMARL's config/envs/sc2.yaml.
SC2 = {
    "continuing_episode": False, "difficulty": "7", "game_version": None, "map_name": "3m",
    "move_amount": 2, "obs_all_health": True, "obs_instead_of_state": False,
    "obs_last_action": False, "obs_own_health": True, "obs_pathing_grid": False,
    "obs_terrain_height": False, "obs_timestep_number": False, "reward_death_value": 10,
    "reward_defeat": 0, "reward_negative_scale": 0.5, "reward_only_positive": True,
    "reward_scale": True, "reward_scale_rate": 20, "reward_sparse": False, "reward_win": 200,
    "replay_dir": "", "replay_prefix": "", "state_last_action": True,
    "state_timestep_number": False, "step_mul": 8, "seed": None, "heuristic_ai": False,
    "heuristic_rest": False, "debug": False,
}  # fmt: skip


@pytest.mark.parametrize("id", ALL_ENVS)
def test_a_runner_of_pymarl(id):
    """One episode as PyMARL's EpisodeRunner plays it, beside the raw environment."""
    # The adapter counts time-outs, so it tells battles that end at the limit from lost ones.
    cut = {"limit_is_terminal": False} if id.startswith("skirmish/") else {}
    env, raw = CredoMultiAgentEnv(env_id=id, seed=4, limit=30), credo.make(id, limit=30, **cut)
    info = env.get_env_info()
    assert info == {"state_shape": raw.spec.state_dim, "obs_shape": raw.spec.obs_dim,
                    "n_actions": raw.spec.n_actions, "n_agents": raw.spec.n_agents,
                    "episode_limit": raw.spec.episode_limit}
    obs, state = env.reset()
    raw.reset(4)
    assert (np.array(obs) == raw.obs).all() and (state == raw.state).all()
    rng, terminated, t = np.random.default_rng(0), False, 0
    while not terminated:
        assert env.get_obs_size() == len(env.get_obs()[0]) and len(env.get_obs()) == env.n_agents
        assert env.get_state_size() == len(env.get_state())
        avail = env.get_avail_actions()
        assert avail == raw.avail.tolist() and avail[0] == env.get_avail_agent_actions(0)
        actions = [rng.choice(np.flatnonzero(row)) for row in avail]
        reward, terminated, env_info = env.step(actions)
        result = raw.step(actions)
        t += 1
        assert reward == result[0] and terminated == (result[1] or result[2])
        assert (env.get_obs_agent(0) == raw.obs[0]).all() and (env.get_state() == raw.state).all()
        is_battle = id.startswith("skirmish/")
        assert ("episode_limit" in env_info) == (result[2] and not is_battle)
        assert ("battle_won" in env_info) == (raw.won is not None)
    assert t <= env.episode_limit and env.get_total_actions() == env.n_actions
    stats = env.get_stats()
    assert stats["battles_game"] == 1 and stats["timeouts"] == result[2] and not stats["restarts"]
    env.reset()
    raw.reset()
    assert (env.get_state() == raw.state).all()  # the next episode of the same seed
    env.close()


def test_arguments_of_pymarls_sc2():
    env = CredoMultiAgentEnv(**SC2)
    assert env.spec.id == "skirmish/3m" and env.seed() == 0
    assert env.get_env_info() == {"state_shape": 48, "obs_shape": 30, "n_actions": 9,
                                  "n_agents": 3, "episode_limit": 60}
    assert CredoMultiAgentEnv(**{**SC2, "map_name": "8m", "step_mul": 4}).n_agents == 8
    with pytest.raises(credo.UserError, match="skirmish/3s5z"):
        CredoMultiAgentEnv(**{**SC2, "map_name": "3s5zz"})
    with pytest.raises(credo.UserError, match="env.obs_last_action"):
        CredoMultiAgentEnv(**SC2, obs_last_actions=True)
    with pytest.raises(credo.UserError, match="difficulty"):
        CredoMultiAgentEnv(**{**SC2, "difficulty": "A"})
    with pytest.raises(credo.UserError, match="either"):
        CredoMultiAgentEnv()


def test_info_is_smacs():
    env = CredoMultiAgentEnv(map_name="3m", limit=2)
    env.reset()
    assert env.step([1, 1, 1]) == (0.0, False, {"battle_won": False, "dead_allies": 0,
                                                "dead_enemies": 0})
    assert env.step([1, 1, 1])[1:] == (True, {"battle_won": False, "dead_allies": 0,
                                              "dead_enemies": 0})
    env = CredoMultiAgentEnv(map_name="3m", limit=2, continuing_episode=True)
    env.reset()
    env.step([1, 1, 1])
    assert env.step([1, 1, 1])[1:] == (True, {"battle_won": False, "dead_allies": 0,
                                              "dead_enemies": 0, "episode_limit": True})
    # Nearest enemies until somebody has won.
    env = CredoMultiAgentEnv(map_name="3m", heuristic_ai=True)
    for _ in range(5):
        env.reset()
        terminated = False
        while not terminated:
            avail = env.get_avail_actions()
            _, terminated, info = env.step([int(np.argmax(row)) for row in avail])
        assert info["battle_won"] == (info["dead_enemies"] == 3)
    stats = env.get_stats()
    assert stats["battles_game"] == 5 and stats["win_rate"] == stats["battles_won"] / 5


def test_epymarl():
    env = EpymarlEnv(map_name="3m", seed=1, limit=2, common_reward=True, reward_scalarisation="sum")
    obs, info = env.reset(seed=3, options={})
    assert info == {} and len(obs) == 3 and env.seed() == 3
    obs, reward, terminated, truncated, info = env.step(np.array([1, 1, 1]))
    assert not terminated and not truncated and (np.array(obs) == env.env.obs).all()
    _, _, terminated, truncated, _ = env.step([1, 1, 1])
    assert terminated and not truncated  # SMAC's own rule
    env = EpymarlEnv(env_id="predator_prey/5x5", limit=1, limit_is_terminal=False)
    env.reset()
    _, _, terminated, truncated, info = env.step(env.env.sample_actions())
    assert not terminated and truncated and info["episode_limit"]
    with pytest.raises(credo.UserError, match="common_reward"):
        EpymarlEnv(map_name="3m", common_reward=False)


def test_replay_is_the_episode_in_words(tmp_path):
    env = CredoMultiAgentEnv(env_id="switch/2", replay_dir=str(tmp_path), replay_prefix="a")
    env.reset()
    env.reset()
    for _ in range(3):
        env.step([int(np.argmax(row)) for row in env.get_avail_actions()])
    path = env.save_replay()
    text = open(path).read()
    assert path.endswith("a_seed_0_episode_1.txt") and text.count("\nactions ") == 3
    assert text.endswith(env.env.render() + "\n")
