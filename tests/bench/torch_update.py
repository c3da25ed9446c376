#!/usr/bin/python3
"""One QMIX update in PyTorch, on the shapes of `credo bench train`: the yardstick beside ours.

What a PyTorch user runs: PyMARL's sizes and settings, one call of the agent network per time step,
full-length episodes of random data in padded tensors, double Q, clipping, RMSprop. As in PyMARL, the
pass of the target network is recorded for a gradient that nobody asks for; with --lean it is not.
Needs Debian's python3-torch. OpenBLAS 0.3.21 does not know every newer processor; tell it which kernels to use:

  OPENBLAS_CORETYPE=SKYLAKEX OMP_NUM_THREADS=1 taskset -c 0 /usr/bin/python3 tests/bench/torch_update.py
  ... torch_update.py 3m --credo build/credo   # in turns with `credo bench train`, and the ratio
"""
import argparse
import json
import statistics
import subprocess
import time

import torch
from torch import nn
from torch.nn import functional as fn

#         agents, obs, state, actions, steps
SHAPES = {
    "3m": (3, 30, 48, 9, 60),
    "2s3z": (5, 80, 120, 11, 120),
    "8m": (8, 80, 168, 14, 120),
    "MMM2": (10, 176, 322, 18, 180),
    "27m_vs_30m": (27, 285, 1170, 36, 180),
}
BATCH, HIDDEN, EMBED, HYPER = 32, 64, 32, 64


class Agent(nn.Module):
    def __init__(self, inputs, actions):
        super().__init__()
        self.fc1 = nn.Linear(inputs, HIDDEN)
        self.rnn = nn.GRUCell(HIDDEN, HIDDEN)
        self.fc2 = nn.Linear(HIDDEN, actions)

    def forward(self, x, h):
        h = self.rnn(fn.relu(self.fc1(x)), h)
        return self.fc2(h), h


class Mixer(nn.Module):
    def __init__(self, agents, state):
        super().__init__()
        self.agents = agents
        self.w1 = nn.Sequential(nn.Linear(state, HYPER), nn.ReLU(), nn.Linear(HYPER, agents * EMBED))
        self.w2 = nn.Sequential(nn.Linear(state, HYPER), nn.ReLU(), nn.Linear(HYPER, EMBED))
        self.b1 = nn.Linear(state, EMBED)
        self.v = nn.Sequential(nn.Linear(state, EMBED), nn.ReLU(), nn.Linear(EMBED, 1))

    def forward(self, q, state):
        rows = q.shape[0] * q.shape[1]
        s = state.reshape(rows, -1)
        w1 = self.w1(s).abs().view(rows, self.agents, EMBED)
        hidden = fn.elu(torch.bmm(q.reshape(rows, 1, -1), w1) + self.b1(s).unsqueeze(1))
        total = torch.bmm(hidden, self.w2(s).abs().unsqueeze(2)) + self.v(s).unsqueeze(1)
        return total.view(q.shape[0], q.shape[1])


class Learner:
    def __init__(self, shape, lean):
        self.lean = lean
        agents, obs, state, actions, steps = shape
        self.shape = shape
        inputs = obs + actions + agents
        self.agent, self.old_agent = Agent(inputs, actions), Agent(inputs, actions)
        self.mixer, self.old_mixer = Mixer(agents, state), Mixer(agents, state)
        self.params = list(self.agent.parameters()) + list(self.mixer.parameters())
        self.optimizer = torch.optim.RMSprop(self.params, lr=5e-4, alpha=0.99, eps=1e-5)
        slots = steps + 1
        self.obs = torch.randn(BATCH, slots, agents, obs)
        self.state = torch.randn(BATCH, slots, state)
        self.actions = torch.randint(actions, (BATCH, slots, agents, 1))
        self.onehot = fn.one_hot(self.actions.squeeze(3), actions).float()
        self.avail = torch.ones(BATCH, slots, agents, actions, dtype=torch.int32)
        self.reward = torch.randn(BATCH, steps)
        self.mask = torch.ones(BATCH, steps)

    def unroll(self, agent):
        agents, obs, _, actions, steps = self.shape
        h = torch.zeros(BATCH * agents, HIDDEN)
        ids = torch.eye(agents).expand(BATCH, agents, agents)
        none = torch.zeros(BATCH, agents, actions)
        out = []
        for t in range(steps + 1):
            last = self.onehot[:, t - 1] if t > 0 else none
            x = torch.cat([self.obs[:, t], last, ids], dim=2).view(BATCH * agents, -1)
            q, h = agent(x, h)
            out.append(q.view(BATCH, agents, actions))
        return torch.stack(out, dim=1)

    def update(self):
        q = self.unroll(self.agent)
        chosen = q[:, :-1].gather(3, self.actions[:, :-1]).squeeze(3)
        with torch.set_grad_enabled(not self.lean):
            old = self.unroll(self.old_agent)[:, 1:]
            choice = q.detach()[:, 1:].masked_fill(self.avail[:, 1:] == 0, -1e9).argmax(3, True)
            best = old.gather(3, choice).squeeze(3)
            target = (self.reward + 0.99 * self.old_mixer(best, self.state[:, 1:])).detach()
        error = (self.mixer(chosen, self.state[:, :-1]) - target) * self.mask
        loss = (error**2).sum() / self.mask.sum()
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.params, 10)
        self.optimizer.step()


def timed(learner):
    start = time.perf_counter()
    learner.update()
    return 1e3 * (time.perf_counter() - start)


def credo_row(program, shape, threads):
    out = subprocess.run([program, "bench", "train", "--env", shape, "--threads", str(threads), "--json"],
                         check=True, capture_output=True, text=True).stdout
    return json.loads(out)["updates"][0]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shapes", nargs="*", help="of: " + ", ".join(SHAPES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--lean", action="store_true", help="no graph of the target network")
    parser.add_argument("--credo", help="the credo program, to measure in turns")
    args = parser.parse_args()
    threads = torch.get_num_threads()
    print(f"# torch {torch.__version__}, {threads} thread(s)" + (", lean" if args.lean else ""))
    for name in args.shapes or SHAPES:
        if name not in SHAPES:
            parser.error(f"unknown shape '{name}'; allowed: {', '.join(SHAPES)}")
        learner = Learner(SHAPES[name], args.lean)
        for _ in range(2):
            learner.update()
        torch_ms, ours_ms, floors = [], [], []
        for _ in range(args.rounds):
            torch_ms.append(statistics.median(timed(learner) for _ in range(5)))
            if args.credo:
                row = credo_row(args.credo, name, threads)
                ours_ms.append(row["ms"])
                floors.append(row["times_floor"])
        line = f"{name:11s} torch {statistics.median(torch_ms):8.1f} ms"
        if args.credo:
            ratio = statistics.median(t / o for t, o in zip(torch_ms, ours_ms))
            line += (f"   credo {statistics.median(ours_ms):7.2f} ms, {statistics.median(floors):.2f} x floor"
                     f"   torch / credo {ratio:.2f}")
        print(line, flush=True)


if __name__ == "__main__":
    main()
