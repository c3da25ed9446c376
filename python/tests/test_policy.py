"""Policies from run folders: the same actions and results as the program's own evaluation."""

import json

import numpy as np
import pytest
from conftest import run_program

import credo


@pytest.mark.parametrize("name", ["two_step_run", "grid_run"])
def test_the_policy_plays_as_credo_eval_does(name, request):
    path = request.getfixturevalue(name)
    policy = credo.load_run(path)
    row = json.loads(run_program("eval", path, "--episodes", 6, "--seed", 9, "--json"))[0]
    own = policy.evaluate(6, seed=9, threads=2)
    assert np.mean([e["return"] for e in own]) == row["return_mean"]
    assert np.mean([e["length"] for e in own]) == row["length_mean"]
    env = credo.make(policy.spec.id, **policy.spec.params)
    for episode, expected in enumerate(own):
        env.reset(seed=9, episode=episode, purpose="eval_env")
        hidden, total = None, 0.0
        while not env.done:
            actions, hidden = policy.act(env.obs, env.avail, hidden)
            total += env.step(actions)[0]
        assert (total, env.t) == (expected["return"], expected["length"])


def test_batches_are_teams_side_by_side(grid_run):
    policy = credo.load_run(grid_run)
    vec = credo.VecEnv("switch/2", 4, threads=1, limit=20)
    vec.reset(seed=0)
    hidden, each = None, [None] * 4
    for _ in range(6):
        actions, hidden = policy.act(vec.obs, vec.avail, hidden)
        for i in range(4):
            alone, each[i] = policy.act(vec.obs[i], vec.avail[i], each[i])
            assert (alone == actions[i]).all() and (each[i].state == hidden.state[i]).all()
        vec.step(actions)
    assert hidden.state.shape == (4, 2, policy.hidden_dim) and hidden.last_action.shape == (4, 2)


def test_agents_with_weights_of_their_own(tmp_path):
    path = tmp_path / "run"
    run_program(
        "run", "--env", "switch/2", "--alg", "vdn", "--t-max", 300, "--out", path, "--quiet",
        *(part for setting in ("env.limit=20", "agent.hidden_dim=8", "agent.shared=false",
                               "learner.batch_size=4", "evaluation.interval=200")
          for part in ("--set", setting)),
    )
    policy = credo.load_run(path)
    spec = policy.spec
    rng = np.random.default_rng(0)
    obs = rng.random((2, spec.obs_dim), dtype=np.float32)
    state = rng.random((2, policy.hidden_dim), dtype=np.float32)
    actions = np.array([0, 1], dtype=np.int32)
    q, after = policy.values(obs, policy.initial()._replace(state=state, last_action=actions))

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    for agent in range(2):
        w = {name.removeprefix(f"agent.{agent}."): value for name, value in policy.weights.items()}
        one_hot = np.eye(spec.n_actions)[actions[agent]]
        x = np.maximum(w["fc1.weight"] @ np.concatenate([obs[agent], one_hot]) + w["fc1.bias"], 0)
        r, z, n = np.split(w["rnn.weight_ih"] @ x + w["rnn.bias_ih"], 3)
        hr, hz, hn = np.split(w["rnn.weight_hh"] @ state[agent] + w["rnn.bias_hh"], 3)
        gate = sigmoid(z + hz)
        h = (1 - gate) * np.tanh(n + sigmoid(r + hr) * hn) + gate * state[agent]
        np.testing.assert_allclose(after[agent], h, atol=1e-5)
        np.testing.assert_allclose(q[agent], w["fc2.weight"] @ h + w["fc2.bias"], atol=1e-5)
    own = policy.evaluate(3, seed=5)
    row = json.loads(run_program("eval", path, "--episodes", 3, "--seed", 5, "--json"))[0]
    assert np.mean([e["return"] for e in own]) == row["return_mean"]


def test_epsilon_explores_among_available_actions(grid_run):
    policy = credo.load_run(grid_run)
    env = credo.make("switch/2", limit=20)
    env.reset(seed=0)
    greedy, _ = policy.act(env.obs, env.avail)
    rng = np.random.default_rng(0)
    draws = np.array([policy.act(env.obs, env.avail, None, 0.5, rng)[0] for _ in range(400)])
    assert all(env.avail[i, a] for draw in draws for i, a in enumerate(draw))
    share = (draws == greedy).mean(0)
    expected = 0.5 + 0.5 / env.avail.sum(1)
    assert (abs(share - expected) < 0.1).all()


def test_weights_and_mistakes(two_step_run, tmp_path):
    policy = credo.load_run(two_step_run, "best")
    assert policy.checkpoint.endswith("best.safetensors") and policy.algorithm == "qmix"
    assert policy.weights["agent.rnn.weight_ih"].shape == (3 * policy.hidden_dim, policy.hidden_dim)
    assert all(w.dtype == np.float32 for w in policy.weights.values())
    with pytest.raises(credo.UserError, match="no run"):
        credo.load_run(tmp_path)
    with pytest.raises(credo.UserError, match="step_"):
        credo.load_run(two_step_run, "step_1")
    with pytest.raises(credo.UserError, match="obs of shape"):
        policy.act(np.zeros((3, 2)), np.ones((3, 2)))
    spec = policy.spec
    obs = np.zeros((spec.n_agents, spec.obs_dim))
    with pytest.raises(credo.UserError, match="avail of shape"):
        policy.act(obs, np.ones((1, 2)))
    with pytest.raises(credo.UserError, match="no available"):
        policy.act(obs, np.zeros((spec.n_agents, spec.n_actions)))
    with pytest.raises(credo.UserError, match="rng"):
        policy.act(obs, np.ones((spec.n_agents, spec.n_actions)), epsilon=0.1)
    run_program("run", "--env", "two_step", "--alg", "random", "--out", tmp_path / "random")
    with pytest.raises(credo.UserError, match="no weights"):
        credo.load_run(tmp_path / "random")


def test_weights_in_torch(grid_run):
    """The snippet of docs/python.md: a 20-line PyTorch module gives the same values."""
    torch = pytest.importorskip("torch", reason="python3-torch is not installed")
    from credo_torch_agent import make_agent

    policy = credo.load_run(grid_run)
    spec = policy.spec
    agent = make_agent(policy)
    rng = np.random.default_rng(0)
    hidden = policy.initial()
    h = torch.zeros(spec.n_agents, policy.hidden_dim)
    last = np.full(spec.n_agents, -1)
    for _ in range(5):
        obs = rng.random((spec.n_agents, spec.obs_dim), np.float32)
        values, state = policy.values(obs, hidden)
        one_hot = np.eye(spec.n_actions, dtype=np.float32)[last] * (last >= 0)[:, None]
        inputs = np.concatenate([obs, one_hot, np.eye(spec.n_agents, dtype=np.float32)], 1)
        with torch.no_grad():
            q, h = agent(torch.from_numpy(inputs), h)
        assert np.allclose(values, q.numpy(), atol=1e-5)
        last = rng.integers(spec.n_actions, size=spec.n_agents)
        hidden = credo.Hidden(state, last.astype(np.int32))
