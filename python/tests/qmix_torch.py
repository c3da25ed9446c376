"""QMIX in PyTorch, written from the paper and PyMARL's settings, trained through the PyMARL adapter.

A learner of another make on Credo's environments; `credo run --alg qmix --profile pymarl` should learn
alike. Needs python3-torch.

    PYTHONPATH=build/python python3 python/tests/qmix_torch.py predator_prey/5x5 --seed 0 --out FILE
"""

import argparse
import copy
import csv
import random
import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from credo.pymarl import CredoMultiAgentEnv


class Agent(nn.Module):
    """fc, GRU, fc, shared by all agents; sees its last action and its number."""

    def __init__(self, inputs, actions, hidden=64):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(inputs, hidden), nn.Linear(hidden, actions)
        self.rnn = nn.GRU(hidden, hidden, batch_first=True)

    def forward(self, inputs, h=None):  # [batch, time, n, inputs]; h [1, batch * n, hidden]
        batch, time, n, _ = inputs.shape
        x = torch.relu(self.fc1(inputs)).transpose(1, 2).reshape(batch * n, time, -1)
        x, h = self.rnn(x, h)
        return self.fc2(x).view(batch, n, time, -1).transpose(1, 2), h


class Mixer(nn.Module):
    """Monotonic mixing network with two-layer hypernetworks (Rashid et al. 2018)."""

    def __init__(self, n, state, embed=32, hyper=64):
        super().__init__()
        two = lambda out: nn.Sequential(nn.Linear(state, hyper), nn.ReLU(), nn.Linear(hyper, out))
        self.w1, self.w2, self.n, self.embed = two(n * embed), two(embed), n, embed
        self.b1 = nn.Linear(state, embed)
        self.v = nn.Sequential(nn.Linear(state, embed), nn.ReLU(), nn.Linear(embed, 1))

    def forward(self, q, state):  # [..., n], [..., state]
        w1 = self.w1(state).abs().view(*q.shape[:-1], self.n, self.embed)
        hidden = F.elu((q.unsqueeze(-2) @ w1).squeeze(-2) + self.b1(state))
        return (hidden * self.w2(state).abs()).sum(-1) + self.v(state).squeeze(-1)


class Learner:
    def __init__(self, info):
        self.n, self.actions = info["n_agents"], info["n_actions"]
        inputs = info["obs_shape"] + self.actions + self.n
        self.agent = Agent(inputs, self.actions)
        self.mixer = Mixer(self.n, info["state_shape"])
        self.online = nn.ModuleList([self.agent, self.mixer])
        self.target = copy.deepcopy(self.online)
        self.optimizer = torch.optim.RMSprop(self.online.parameters(), 5e-4, alpha=0.99, eps=1e-5)

    def inputs(self, obs, last):  # [..., n, obs], [..., n] with -1 for none
        one_hot = F.one_hot(last.clamp(min=0), self.actions) * (last >= 0).unsqueeze(-1)
        numbers = torch.eye(self.n).expand(*obs.shape[:-1], self.n)
        return torch.cat([obs, one_hot.float(), numbers], -1)

    def train(self, batch):
        obs, state, avail, actions, reward, ended, filled = batch
        first = torch.full_like(actions[:, :1], -1)
        inputs = self.inputs(obs, torch.cat([first, actions], 1))
        values = self.agent(inputs)[0]
        taken = values[:, :-1].gather(-1, actions.unsqueeze(-1)).squeeze(-1)
        with torch.no_grad():
            best = values.masked_fill(~avail, -1e9)[:, 1:].argmax(-1, keepdim=True)
            following = self.target[0](inputs)[0][:, 1:].gather(-1, best).squeeze(-1)
            goal = reward + 0.99 * (1 - ended) * self.target[1](following, state[:, 1:])
        error = (self.mixer(taken, state[:, :-1]) - goal) * filled
        loss = (error**2).sum() / filled.sum()
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.online.parameters(), 10.0)
        self.optimizer.step()

    def update_target(self):
        self.target.load_state_dict(self.online.state_dict())


def play(env, learner, epsilon, rng):
    """One episode: arrays of length + 1 situations and of length steps."""
    env.reset()
    h = None
    last = torch.full((learner.n,), -1)
    situations, steps, ended = [], [], False
    while True:
        obs, avail = np.array(env.get_obs(), np.float32), np.array(env.get_avail_actions(), bool)
        situations.append((obs, env.get_state(), avail))
        if ended:
            break
        with torch.no_grad():
            q, h = learner.agent(learner.inputs(torch.from_numpy(obs), last)[None, None], h)
        actions = q[0, 0].masked_fill(~torch.from_numpy(avail), -1e9).argmax(-1).numpy()
        for i in range(learner.n):
            if rng.random() < epsilon:
                actions[i] = rng.choice(np.flatnonzero(avail[i]))
        reward, ended, info = env.step(actions)
        steps.append((actions, reward, float(ended and not info.get("episode_limit", False))))
        last = torch.from_numpy(actions)
    return [np.array(x) for x in zip(*situations)], [np.array(x) for x in zip(*steps)]


def collate(episodes):
    """Pads episodes to the longest; `filled` marks the real steps."""
    length = max(len(steps[1]) for _, steps in episodes)

    def pad(arrays, size, fill=0):
        out = np.full((len(arrays), size, *arrays[0].shape[1:]), fill, arrays[0].dtype)
        for row, array in zip(out, arrays):
            row[: len(array)] = array
        return torch.from_numpy(out)

    obs, state = (pad([s[i] for s, _ in episodes], length + 1) for i in (0, 1))
    avail = pad([s[2] for s, _ in episodes], length + 1, True)
    actions = pad([steps[0] for _, steps in episodes], length)
    reward, ended = (pad([s[i].astype(np.float32) for _, s in episodes], length) for i in (1, 2))
    filled = pad([np.ones(len(s[1]), np.float32) for _, s in episodes], length)
    return obs, state, avail, actions, reward, ended, filled


def train(env_id, seed, t_max, report, interval=10_000, test_episodes=32, **params):
    """report(t_env, mean return, win rate or None) at every interval and at the end."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    rng, sampler = np.random.default_rng(seed), random.Random(seed)
    # A time-out ends a battle and cuts the other tasks: the adapter's default and `credo run`'s.
    env, test_env = (CredoMultiAgentEnv(env_id=env_id, seed=s, **params)
                     for s in (seed, seed + 10_000))
    learner = Learner(env.get_env_info())
    replay, t, episodes, next_test, last_update = [], 0, 0, 0, 0

    def test():
        stats = test_env.get_stats()
        returns = [play(test_env, learner, 0.0, rng)[1][1].sum() for _ in range(test_episodes)]
        won = test_env.get_stats()["battles_won"] - stats["battles_won"]
        is_battle = test_env.env.won is not None
        report(t, float(np.mean(returns)), won / test_episodes if is_battle else None)

    while t < t_max:
        if t >= next_test:
            test()
            next_test += interval
        epsilon = max(0.05, 1.0 - 0.95 * t / 50_000)
        situations, steps = play(env, learner, epsilon, rng)
        replay.append((situations, steps))
        del replay[:-5000]
        t += len(steps[1])
        episodes += 1
        if len(replay) >= 32:
            learner.train(collate(sampler.sample(replay, 32)))
        if episodes - last_update >= 200:
            learner.update_target()
            last_update = episodes
    test()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("env")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--t-max", type=int, default=50_000)
    parser.add_argument("--out", type=argparse.FileType("w"), default=sys.stdout)
    options = parser.parse_args()
    writer = csv.writer(options.out, lineterminator="\n")
    writer.writerow(["env", "seed", "t_env", "return_mean", "win_rate"])

    def report(t_env, value, win_rate):
        writer.writerow([options.env, options.seed, t_env, value, win_rate])
        options.out.flush()

    train(options.env, options.seed, options.t_max, report)


if __name__ == "__main__":
    main()
