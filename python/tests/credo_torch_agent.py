"""The agent network of a run as a PyTorch module (also in docs/python.md)."""

import torch


class Agent(torch.nn.Module):
    def __init__(self, inputs, hidden, actions):
        super().__init__()
        self.fc1 = torch.nn.Linear(inputs, hidden)
        self.rnn = torch.nn.GRUCell(hidden, hidden)
        self.fc2 = torch.nn.Linear(hidden, actions)

    def forward(self, inputs, h):
        h = self.rnn(torch.relu(self.fc1(inputs)), h)
        return self.fc2(h), h


def make_agent(policy):
    weights = {
        name.removeprefix("agent."): torch.from_numpy(value)
        for name, value in policy.weights.items()
        if name.startswith("agent.")
    }
    agent = Agent(weights["fc1.weight"].shape[1], policy.hidden_dim, policy.spec.n_actions)
    agent.load_state_dict(weights)
    return agent
