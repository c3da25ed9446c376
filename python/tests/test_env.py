"""credo.Env and credo.VecEnv: arrays, copies, saved states, parameters, facts."""

import copy
import json
import pickle

import numpy as np
import pytest
from conftest import ALL_ENVS, FAMILIES, run_program

import credo


@pytest.mark.parametrize("id", ALL_ENVS)
def test_every_environment_keeps_its_spec(id):
    env = credo.make(id)
    spec = env.spec
    env.reset(seed=1)
    assert env.obs.shape == (spec.n_agents, spec.obs_dim) and env.obs.dtype == np.float32
    assert env.state.shape == (spec.state_dim,) and env.state.dtype == np.float32
    assert env.avail.shape == (spec.n_agents, spec.n_actions) and env.avail.dtype == np.uint8
    for _ in range(5):
        if env.done:
            env.reset()
        reward, terminated, truncated = env.step(env.sample_actions())
        assert isinstance(reward, float) and spec.reward_low <= reward <= spec.reward_high
        assert type(terminated) is bool and type(truncated) is bool
        assert (env.obs >= spec.obs_low).all() and (env.obs <= spec.obs_high).all()
        assert (env.state >= spec.state_low).all() and (env.state <= spec.state_high).all()
        assert env.avail.any(1).all() and env.done == (terminated or truncated)
    assert env.render()
    described = credo.describe(id)
    assert described == spec.as_dict() and described["id"] == id
    assert len(spec.obs_names) == spec.obs_dim and len(spec.action_names) == spec.n_actions


@pytest.mark.parametrize("id", FAMILIES)
def test_describe_says_what_the_program_says(id):
    program = json.loads(run_program("describe", id, "--json"))
    described = credo.describe(id)
    shared = {key for key in program if key in described and not isinstance(program[key], list)}
    assert shared >= {"id", "n_agents", "n_actions", "obs_dim", "state_dim", "unit_dim"}
    assert {key: described[key] for key in shared} == {key: program[key] for key in shared}


def test_arrays_are_views_without_a_copy():
    env = credo.make("predator_prey/5x5")
    env.reset(seed=0)
    obs, address = env.obs, env.obs.ctypes.data
    before = obs.copy()
    for _ in range(5):
        env.step(env.sample_actions())
    assert env.obs is obs and obs.ctypes.data == address and not (obs == before).all()
    with pytest.raises(ValueError):
        obs[0] = 1
    vec = credo.VecEnv("predator_prey/5x5", 3)
    for name in ("obs", "state", "avail", "reward", "terminated", "truncated"):
        array = getattr(vec, name)
        assert np.asarray(array) is array and array.flags.c_contiguous
        other = np.from_dlpack(array) if array.dtype != bool else array
        assert other.ctypes.data == array.ctypes.data
    assert vec.step is not None and vec.reward.dtype == np.float64 and vec.terminated.dtype == bool


def test_torch_sees_the_same_memory():
    torch = pytest.importorskip("torch", reason="python3-torch is not installed")
    vec = credo.VecEnv("predator_prey/5x5", 4)
    vec.reset(seed=0)
    tensor = torch.from_numpy(vec.obs)
    vec.step(vec.sample_actions())
    assert tensor.data_ptr() == vec.obs.ctypes.data and (tensor.numpy() == vec.obs).all()
    vec.step(torch.from_numpy(vec.sample_actions().copy()))


@pytest.mark.parametrize("id", FAMILIES)
def test_copies_and_saved_states_continue_alike(id):
    env = credo.make(id)
    env.reset(seed=2)
    for _ in range(3):
        if not env.done:
            env.step(env.sample_actions())
    if env.done:
        env.reset()
    other = credo.make(id)
    other.load(env.save())
    twins = [env.clone(), copy.copy(env), copy.deepcopy(env), pickle.loads(pickle.dumps(env)), other]
    for _ in range(10):
        actions = env.sample_actions()
        result = env.step(actions)
        for twin in twins:
            assert (twin.seed, twin.episode) == (env.seed, env.episode)
            assert twin.step(actions) == result
            assert (twin.obs == env.obs).all() and (twin.state == env.state).all()
        if env.done:
            for twin in [env, *twins]:
                twin.reset()


def test_vec_env_pickles():
    vec = credo.VecEnv("skirmish/3m", 3, threads=2, seed=5, limit=7)
    vec.reset()
    for _ in range(10):
        vec.step(vec.sample_actions())
    other = pickle.loads(pickle.dumps(vec))
    assert (other.seed, other.n, other.threads, other.spec.episode_limit) == (5, 3, 2, 7)
    for _ in range(10):
        actions = vec.sample_actions().copy()
        for one in (vec, other):
            one.step(actions)
        for name in ("obs", "state", "avail", "reward", "terminated", "truncated", "episode", "t"):
            assert (getattr(vec, name) == getattr(other, name)).all(), name


def test_vec_env_resets_those_asked_for():
    vec = credo.VecEnv("predator_prey/5x5", 4, seed=1)
    vec.reset()
    vec.step(vec.sample_actions())
    vec.reset(mask=np.array([True, False, False, True]))
    assert vec.episode.tolist() == [1, 0, 0, 1] and vec.t.tolist() == [0, 1, 1, 0]
    vec.reset()
    assert vec.episode.tolist() == [2, 1, 1, 2]
    vec.reset(seed=9)
    assert vec.episode.tolist() == [0] * 4 and vec.seed == 9 and vec.render(0)


def test_parameters_take_pythons_and_numpys_values():
    env = credo.make("skirmish/3m", limit=np.int64(5), spawn_jitter=np.float32(0.5), move_amount=3,
                     attack_jitter=np.bool_(False), obs_last_action=True, opponent="focus")
    params = env.spec.params
    assert params["limit"] == 5 and params["spawn_jitter"] == 0.5 and params["move_amount"] == 3.0
    assert params["attack_jitter"] is False and params["obs_last_action"] is True
    assert params["opponent"] == "focus" and env.spec.episode_limit == 5
    assert pickle.loads(pickle.dumps(env)).spec.params == params


def test_facts_and_pictures():
    env = credo.make("skirmish/3m")
    env.reset(seed=0)
    assert env.won is False and set(env.info) == {"battle_won", "dead_allies", "dead_enemies"}
    scene = env.scene()
    assert len(scene["units"]) == 6 and scene["units"][0]["kind"] == "marine"
    assert credo.make("two_step").scene() == {} and credo.make("two_step").won is None
    assert "skirmish/3m" in repr(env) and "3 agents" in repr(env.spec)
    with credo.make("two_step") as inner:
        inner.reset()
    assert inner.closed
