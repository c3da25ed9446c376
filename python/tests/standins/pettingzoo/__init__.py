"""A stand-in for the tests, not PettingZoo (see python/tests/standins/README.md)."""

IS_STANDIN = True


class ParallelEnv:
    metadata = {}

    @property
    def num_agents(self):
        return len(self.agents)

    @property
    def max_num_agents(self):
        return len(self.possible_agents)

    @property
    def unwrapped(self):
        return self
