"""The bits of the C++ program, from Python."""

import hashlib
import json
import pickle
import re
import struct

import numpy as np
import pytest
from conftest import FAMILIES, run_program

import credo

STEPS = 1000


def test_hash_of_1000_steps_per_family():
    traces = run_program(STEPS, *FAMILIES, name="credo_trace").splitlines()
    assert len(traces) == len(FAMILIES)
    for trace in map(json.loads, traces):
        env = credo.make(trace["env"])
        digest = hashlib.sha256()
        assert len(trace["actions"]) == STEPS
        for i, actions in enumerate(trace["actions"]):
            if env.done:
                env.reset(7 if i == 0 else None)
                for array in (env.obs, env.state, env.avail):
                    digest.update(array)
            reward, terminated, truncated = env.step(actions)
            for array in (env.obs, env.state, env.avail):
                digest.update(array)
            digest.update(struct.pack("<d??", reward, terminated, truncated))
        assert digest.hexdigest() == trace["sha256"], trace["env"]


@pytest.mark.parametrize("id", ["predator_prey/5x5", "skirmish/3m", "two_step", "switch/4"])
def test_playthrough_of_the_program(id):
    text = run_program("playthrough", id, "--seed", 5)
    scenes = re.split(r"\nt = \d+\n", text)
    env = credo.make(id)
    env.reset(seed=5)
    actions = re.findall(r"^actions (.*?)  reward (\S+)", text, re.MULTILINE)
    assert len(actions) == len(scenes) - 2 >= 1
    number = {name: a for a, name in enumerate(env.spec.action_names)}
    for i, (names, reward) in enumerate(actions):
        assert scenes[i + 1].startswith(env.render())
        result = env.step([number[name] for name in names.split()])
        assert float(f"{result[0]:.8g}") == float(reward)  # as it is shown
    assert env.done and scenes[-1].startswith(env.render())


@pytest.mark.parametrize("id", FAMILIES)
def test_vec_env_is_n_single_ones_for_any_threads(id):
    n, steps = 5, 60
    envs = [credo.VecEnv(id, n, threads=threads) for threads in (1, 2, 4)]
    singles = [credo.make(id) for _ in range(n)]
    for vec in envs:
        vec.reset(seed=11)
    for i, env in enumerate(singles):
        env.reset(seed=11, index=i)
    ended = 0
    for _ in range(steps):
        actions = envs[0].sample_actions(3).copy()
        assert (actions == [env.sample_actions(3) for env in singles]).all()
        for vec in envs:
            assert (vec.sample_actions(3) == actions).all()
            vec.step(actions)
        for i, env in enumerate(singles):
            result = env.step(actions[i])
            final = (env.obs.copy(), env.state.copy(), env.info, env.won, env.t)
            if env.done:
                env.reset()
            for vec in envs:
                assert result == (vec.reward[i], vec.terminated[i], vec.truncated[i])
                assert (vec.obs[i] == env.obs).all() and (vec.state[i] == env.state).all()
                assert (vec.avail[i] == env.avail).all() and vec.episode[i] == env.episode
                info = vec.final_info[i]
                assert (info is not None) == (result[1] or result[2])
                if info is not None:
                    ended += 1
                    assert (vec.final_obs[i] == final[0]).all()
                    assert (vec.final_state[i] == final[1]).all()
                    assert info["won"] == final[3] and info["episode_length"] == final[4]
                    assert {k: info[k] for k in final[2]} == final[2]
    if envs[0].spec.episode_limit < steps:
        assert ended > 0


def test_episodes_depend_on_seed_index_and_episode_alone():
    env = credo.make("skirmish/3m", spawn_jitter=1.0)
    first = [env.reset(seed=4).copy() for _ in range(2)]
    assert (first[0] == first[1]).all() and env.episode == 0
    second = env.reset().copy()
    assert env.episode == 1 and env.seed == 4 and not (second == first[0]).all()
    assert (env.reset(seed=4, episode=1) == second).all()
    assert not (env.reset(seed=4, index=1) == first[0]).all()
    assert not (env.reset(seed=4, index=0, purpose="env") == first[0]).all()
    assert (env.reset(seed=4, purpose="playthrough") == first[0]).all()
    fresh = credo.make("skirmish/3m", spawn_jitter=1.0)
    fresh.reset()
    assert (fresh.seed, fresh.episode) == (0, 0)


def test_sampled_actions_are_a_function_of_seed_index_episode_and_step():
    """Whatever was drawn before; for 2 to 36 actions, with blocks of eight numbers that agents and
    steps share."""
    for id in ("hallway", "switch/2", "predator_prey/5x5", "skirmish/3m", "skirmish/27m_vs_30m"):
        env = credo.make(id)
        for seed, index, episode in ((0, 0, 0), (0, 3, 1), (5, 3, 1), (5, 4, 2)):
            env.reset(seed=1, index=index, episode=episode)
            for _ in range(6):
                fresh = pickle.loads(pickle.dumps(env))
                actions = env.sample_actions(seed)
                assert (actions == fresh.sample_actions(seed)).all()
                assert (actions == env.sample_actions(seed)).all()
                assert env.avail[np.arange(len(actions)), actions].all()
                env.sample_actions(seed + 1)
                env.step(actions)
                if env.done:
                    break


def test_sampled_actions_are_available_and_spread():
    env = credo.make("skirmish/3m")
    env.reset(seed=0)
    seen = np.zeros(env.spec.n_actions, int)
    for seed in range(300):
        for agent, action in enumerate(env.sample_actions(seed)):
            assert env.avail[agent, action]
            seen[action] += 1
    possible = env.avail.any(0)
    assert (seen[possible] > 100).all() and (seen[~possible] == 0).all()
