"""Native training from Python, on native environments and on those written in Python."""

import os
import signal

import numpy as np
import pytest

from python_envs import Corridor, PythonTwoStep, SavedCorridor

import credo
from credo import analysis


def files(path):
    """What a run wrote, without clocks and without what names the environment."""
    names = ("metrics.jsonl", "eval_episodes.csv")
    content = {name: (path / name).read_bytes() for name in names}
    weights = sorted((path / "checkpoints").glob("*.safetensors"))
    return content | {w.name: w.read_bytes() for w in weights}


def test_the_run_of_the_program(two_step_run, tmp_path):
    trainer = credo.Trainer("two_step", "qmix", seed=3, profile="two_step", t_max=2000, threads=2)
    seen = []
    result = trainer.run(tmp_path / "run", on_progress=lambda *args: seen.append(args))
    assert files(tmp_path / "run") == files(two_step_run)
    assert (tmp_path / "run/config.toml").read_text() == trainer.config
    assert (two_step_run / "config.toml").read_text() == trainer.config
    assert result["status"] == "done" and result["t_env"] >= 2000 and seen[-1][:2] == (2000, 2000)
    assert result["final"]["return_mean"] == analysis.read_run(two_step_run).curve(
        "test_return_mean", "final")[1][0]
    assert credo.Trainer.resume(tmp_path / "run")["status"] == "done"


def test_a_python_environment_gives_the_same_training(two_step_run, tmp_path):
    trainer = credo.Trainer(PythonTwoStep, "qmix", seed=3, profile="two_step", t_max=2000)
    assert trainer.env_id == "python/PythonTwoStep"
    trainer.run(tmp_path / "run")
    assert files(tmp_path / "run") == files(two_step_run)
    run = analysis.read_run(tmp_path / "run")
    assert run.config["env"]["class"] == "python_envs.PythonTwoStep"
    policy = credo.load_run(tmp_path / "run")
    assert policy.evaluate(2)[0]["length"] == 2


def test_it_learns_a_game_of_ones_own(tmp_path):
    trainer = credo.Trainer(
        SavedCorridor, "vdn", t_max=4000,
        settings={"exploration.epsilon_anneal_steps": 2000, "optimizer.lr": 2e-3,
                  "learner.target_update_interval": 20},
    )
    result = trainer.run(tmp_path / "run")
    random = credo.Trainer(SavedCorridor, "random").run(tmp_path / "random")
    assert result["final"]["return_mean"] > -1.0 > -3.0 > random["final"]["return_mean"]



@pytest.mark.parametrize("env", ["switch/2", SavedCorridor])
def test_stopped_and_resumed_is_the_same_run(env, tmp_path):
    make = lambda: credo.Trainer(env, "vdn", t_max=1500, seed=1)  # noqa: E731
    make().run(tmp_path / "whole")

    def stop(t_env, t_max, last_return):
        if 500 <= t_env and not stop.sent:
            stop.sent = True
            os.kill(os.getpid(), signal.SIGINT)

    stop.sent = False
    before = signal.getsignal(signal.SIGINT)  # a job in the background may ignore it
    with pytest.raises(KeyboardInterrupt, match="resume"):
        make().run(tmp_path / "cut", on_progress=stop)
    assert signal.getsignal(signal.SIGINT) is before
    assert analysis.read_run(tmp_path / "cut").manifest["env_steps"] < 1500
    factory = None if isinstance(env, str) else env
    assert credo.Trainer.resume(tmp_path / "cut", factory)["status"] == "done"
    assert files(tmp_path / "cut") == files(tmp_path / "whole")


def test_no_resume_of_what_cannot_be_saved(tmp_path):
    def stop(t_env, t_max, last_return):
        os.kill(os.getpid(), signal.SIGTERM)

    result = credo.Trainer(Corridor, "vdn", t_max=1000).run(tmp_path / "run", on_progress=stop)
    assert result["status"] == "stopped" and result["reason"] == "SIGTERM"
    with pytest.raises(credo.UserError, match=r"cannot be resumed: .*no save\(\) and load"):
        credo.Trainer.resume(tmp_path / "run", Corridor)
    with pytest.raises(credo.UserError, match="env.class"):
        credo.register_env("Corridor", SavedCorridor)
        credo.Trainer.resume(tmp_path / "run")


def test_a_python_environment_is_an_env():
    id = credo.register_env("corridor", SavedCorridor)
    env = credo.make(id, limit=5)
    assert env.spec.n_agents == 2 and env.spec.episode_limit == 5 and id not in credo.list_envs()
    env.reset(seed=0)
    assert env.render().count("0") >= 5
    twin = env.clone()
    for _ in range(5):
        actions = env.sample_actions()
        assert env.step(actions) == twin.step(actions) and (env.obs == twin.obs).all()
        other = credo.make(id, limit=5)
        other.load(env.save())
        assert (other.state == env.state).all()
    assert env.done
    assert env.spec.unit_dim == 0
    blocks = type("Blocks", (SavedCorridor,), {"unit_dim": 7})
    assert credo.make(credo.register_env("blocks", blocks)).spec.unit_dim == 7
    blocks.unit_dim = 8
    with pytest.raises(credo.UserError, match=r"unit_dim = 8; allowed: an integer in \[0, 7\]"):
        credo.register_env("blocks", blocks)
    plain = credo.make(credo.register_env("plain", Corridor))
    plain.reset(seed=0)
    with pytest.raises(credo.Error, match="no save"):
        plain.clone()
    with pytest.raises(credo.Error, match="no save"):
        plain.save()


class Broken(Corridor):
    fault = None

    def step(self, actions):
        if self.fault == "raise":
            raise LookupError("lost the map")
        if self.fault == "three":
            return 1.0, False, {}
        if self.fault == "nan":
            return float("nan"), False
        return super().step(actions)

    def observe(self, obs, state, avail):
        super().observe(obs, state, avail)
        if self.fault == "inf":
            obs[1, 2] = np.inf
        if self.fault == "none available":
            avail[1] = 0


@pytest.mark.parametrize(
    "fault, message",
    [("raise", "raised LookupError: lost the map"), ("three", r"returns \(reward, terminated\)"),
     ("nan", "reward nan is not finite"), ("inf", r"obs\[9\] is not finite"),
     ("none available", "no action is available to agent 1")],
)
def test_faults_of_a_python_environment_are_named(fault, message, tmp_path):
    broken = type("Broken", (Broken,), {"fault": fault})
    with pytest.raises(credo.Error, match=message) as raised:
        credo.Trainer(broken, "vdn", t_max=500).run(tmp_path / "run")
    if fault == "raise":
        assert isinstance(raised.value.__cause__, LookupError)
    assert analysis.read_run(tmp_path / "run").manifest["status"] == "failed"


def test_mistakes_before_training():
    cases = [
        (lambda: credo.Trainer(Corridor, "vdn", threads=2), "one thread"),
        (lambda: credo.Trainer("two_step", "qmixx"), "did you mean 'qmix'"),
        (lambda: credo.Trainer("two_step", settings={"learner.gama": 1}), "learner.gamma"),
        (lambda: credo.Trainer(3), "factory"),
        (lambda: credo.Trainer("python/nobody"), "register_env"),
        (lambda: credo.register_env("a b", Corridor), "letters"),
        (lambda: credo.register_env("x", Corridor()), "cannot be called"),
        (lambda: credo.register_env("x", dict), "no method 'reset'"),
        (lambda: credo.register_env("x", type("X", (Corridor,), {"n_agents": 0})), "n_agents = 0"),
    ]
    for call, message in cases:
        with pytest.raises(credo.UserError, match=message):
            call()
            if "thread" in message:
                credo.Trainer(Corridor, "vdn", threads=2).run("/nowhere")


def test_environments_of_other_libraries(tmp_path):
    from credo.pettingzoo import parallel_env
    from credo.pymarl import CredoMultiAgentEnv, EpymarlEnv

    makers = {
        "zoo": credo.from_pettingzoo(lambda: parallel_env("switch/2", limit=20), 20),
        "pymarl": credo.from_pymarl(lambda: CredoMultiAgentEnv(env_id="switch/2", limit=20)),
        "epymarl": credo.from_pymarl(lambda: EpymarlEnv(env_id="switch/2", limit=20)),
    }
    native = credo.make("switch/2", limit=20)
    for name, maker in makers.items():
        env = credo.make(credo.register_env(name, maker))
        assert env.spec.n_agents == 2 and env.spec.episode_limit == 20
        env.reset(seed=0)
        native.reset(seed=0)  # no randomness in this game
        while not native.done:
            actions = native.sample_actions()
            assert env.step(actions) == native.step(actions)
            assert (env.obs == native.obs).all() and (env.avail == native.avail).all()
        assert env.done
    result = credo.Trainer("python/zoo", "vdn", t_max=100).run(tmp_path / "run")
    assert result["status"] == "done"
