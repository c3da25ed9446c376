"""The published rules of PettingZoo's parallel API, over every registered environment."""

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from conftest import ALL_ENVS

import credo
from credo.pettingzoo import parallel_env


def same(a, b):
    if isinstance(a, tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return type(a) is type(b) and np.array_equal(a, b)


@pytest.mark.parametrize("id", ALL_ENVS)
def test_rules_of_the_parallel_api(id):
    env, twin = parallel_env(id), parallel_env(id)
    assert env.possible_agents == [f"agent_{i}" for i in range(env.max_num_agents)]
    assert env.metadata["name"] == id and env.unwrapped is env
    for agent in env.possible_agents:
        assert env.observation_space(agent) is env.observation_space(agent)
        assert env.action_space(agent) is env.action_space(agent)
    for e in (env, twin):
        observations, infos = e.reset(seed=42, options={"options": 1})
        for i, agent in enumerate(e.agents):
            e.action_space(agent).seed(i)
    kept = []
    for _ in range(min(25, env.env.spec.episode_limit) + 1):
        agents = env.agents[:]
        assert agents == env.possible_agents and env.num_agents == len(agents)
        assert set(observations) == set(infos) == set(agents)
        for agent in agents:
            assert env.observation_space(agent).contains(observations[agent])
            mask = observations[agent]["action_mask"]
            assert mask.any() and (mask == infos[agent]["action_mask"]).all()
        assert env.state_space.contains(env.state())
        kept.append((observations, {a: o["observation"].copy() for a, o in observations.items()}))
        # Legal actions in even steps, blind ones in odd steps.
        blind = len(kept) % 2 == 0
        actions = {
            a: env.action_space(a).sample(None if blind else observations[a]["action_mask"])
            for a in agents
        }
        mine, other = env.step(actions), twin.step(actions)
        assert all(same(a, b) for a, b in zip(mine, other))
        before = observations
        observations, rewards, terminations, truncations, infos = mine
        for part in mine:
            assert list(part) == agents
        assert len(set(rewards.values())) == 1 and isinstance(rewards[agents[0]], float)
        assert all(type(v) is bool for v in (*terminations.values(), *truncations.values()))
        for agent in agents:
            illegal = not before[agent]["action_mask"][actions[agent]]
            assert infos[agent].get("illegal_action", False) == illegal and (blind or not illegal)
        if any(terminations.values()) or any(truncations.values()):
            assert env.agents == [] and env.num_agents == 0
            assert all(terminations.values()) or all(truncations.values())
            assert all(env.observation_space(a).contains(observations[a]) for a in agents)
            break
    for handed_out, copies in kept:  # what was handed out is never overwritten
        assert all((handed_out[a]["observation"] == copies[a]).all() for a in copies)
    env.close()
    env.close()
    twin.close()


def test_limits_truncate_and_battles_say_who_won():
    env = parallel_env("skirmish/3m", limit=3, limit_is_terminal=False)
    env.reset(seed=0)
    for _ in range(3):
        _, _, terminations, truncations, infos = env.step(dict.fromkeys(env.agents, 1))
    assert all(truncations.values()) and not any(terminations.values())
    assert all(info["won"] is False for info in infos.values())
    with pytest.raises(credo.UserError, match="reset"):
        env.step({})
    env.reset()
    assert env.num_agents == 3 and env.env.episode == 1


def test_illegal_actions_are_replaced_or_refused():
    env, strict = parallel_env("skirmish/3m"), parallel_env("skirmish/3m", strict=True)
    for e in (env, strict):
        e.reset(seed=0)
    actions = {"agent_0": 8, "agent_1": 2, "agent_2": 77}
    infos = env.step(actions)[-1]
    assert [infos[a].get("illegal_action", False) for a in env.agents] == [True, False, True]
    with pytest.raises(credo.IllegalActionError, match="action 77 of agent 2"):
        strict.step(actions)
    with pytest.raises(credo.IllegalActionError, match="attack_2"):
        strict.step({**actions, "agent_2": 1})
    legal = credo.make("skirmish/3m")
    legal.reset(seed=0)
    legal.step([1, 2, 1])
    assert (env.state() == legal.state).all()


def test_the_dead_stay_and_do_nothing():
    env = parallel_env("skirmish/2s3z")
    observations, _ = env.reset(seed=1)
    saw_dead = False
    while env.agents:
        actions = {a: int(np.argmax(o["action_mask"])) for a, o in observations.items()}
        observations, *_ = env.step(actions)
        dead = [o["action_mask"][0] == 1 for o in observations.values()]
        saw_dead |= any(dead)
        for is_dead, o in zip(dead, observations.values()):
            assert o["action_mask"].sum() == 1 or not is_dead
    assert saw_dead


def test_text_pictures_pickles_and_mistakes():
    env = parallel_env("two_step", render_mode="ansi")
    env.reset(seed=0)
    assert env.render() == env.env.render() and parallel_env("two_step").render() is None
    again = pickle.loads(pickle.dumps(env))
    assert same(again.step({"agent_0": 1, "agent_1": 0}), env.step({"agent_0": 1, "agent_1": 0}))
    with pytest.raises(credo.UserError, match="ansi"):
        parallel_env("two_step", render_mode="human")
    env.reset()
    with pytest.raises(credo.UserError, match="agent_1"):
        env.step({"agent_0": 0})


@pytest.mark.parametrize("module", ["pettingzoo", "gymnasium"])
def test_what_is_said_without_the_library(module):
    code = (
        "import sys; sys.path = [p for p in sys.path if 'standins' not in p];"
        f"sys.modules['gymnasium'] = None\nimport credo.{module}"
    )
    path = next(p for p in sys.path if p.endswith("/python"))
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                            env={**os.environ, "PYTHONPATH": path})
    assert result.returncode == 1
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith(f"ImportError: credo.{module} needs") and "pip install" in last
