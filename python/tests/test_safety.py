"""Misuse raises and changes nothing; threads, forks, dead environments and time do no harm."""

import gc
import multiprocessing
import os
import pickle
import resource
import subprocess
import sys
import threading

import numpy as np
import pytest

import credo

BAD_ACTIONS = [
    [0, 1],
    [1, 1, 1, 1],
    [1.0, 1, 1],
    [1, None, 1],
    [1, "2", 1],
    np.ones(3),
    np.ones((3, 1), int),
    np.ones(3, bool),
    np.array(1),
    "stop",
    None,
    {},
    [99, 1, 1],
    [-1, 1, 1],
    [2**80, 1, 1],
    np.array([1, 1, 2**63], np.uint64),
    [0, 1, 1],  # no-op is for the dead
    [8, 1, 1],  # out of range of the weapon
]


@pytest.mark.parametrize("actions", BAD_ACTIONS, ids=repr)
def test_bad_actions_change_nothing(actions):
    env = credo.make("skirmish/3m")
    env.reset(seed=0)
    before = env.save()
    with pytest.raises((ValueError, TypeError)):
        env.step(actions)
    assert env.save() == before
    env.step([1, 1, 1])
    vec = credo.VecEnv("skirmish/3m", 2, threads=2)
    vec.reset(seed=0)
    before = vec.save()
    try:
        joint = np.stack([np.ones(3, np.asarray(actions).dtype), np.asarray(actions)])
    except (ValueError, TypeError):
        joint = [actions, actions]
    with pytest.raises((ValueError, TypeError)):
        vec.step(joint)
    assert vec.save() == before
    vec.step([[1, 1, 1], [1, 1, 1]])


GOOD_ACTIONS = [
    [1, 2, 3],
    (1, 2, 3),
    [np.int64(1), np.uint8(2), np.int32(3)],
    np.array([1, 2, 3], np.int8),
    np.array([1, 2, 3], np.uint64),
    np.array([1, 2, 3], ">i4"),
    np.array([1, 0, 2, 0, 3, 0])[::2],
    np.array([3, 2, 1])[::-1],
    np.array([[1, 2, 3]] * 2)[1],
]


@pytest.mark.parametrize("actions", GOOD_ACTIONS, ids=repr)
def test_any_integers_of_any_strides_are_read_alike(actions):
    reference, env = credo.make("skirmish/3m"), credo.make("skirmish/3m")
    for one in (reference, env):
        one.reset(seed=0)
    reference.step([1, 2, 3])
    env.step(actions)
    assert env.save() == reference.save()
    vec = credo.VecEnv("skirmish/3m", 2)
    vec.reset(seed=0)
    vec.step(np.asfortranarray(np.stack([np.asarray(actions)] * 2)))
    assert (vec.obs[0] == env.obs).all()


def test_nothing_works_after_close_and_arrays_stay():
    env = credo.make("predator_prey/5x5")
    env.reset(seed=0)
    obs, value = env.obs, env.obs.copy()
    env.close()
    env.close()
    for call in (env.reset, env.render, env.save, env.clone, env.sample_actions, env.scene,
                 lambda: env.step([0] * 2), lambda: env.t, lambda: env.done, lambda: env.info,
                 lambda: env.won, lambda: env.load(b""), lambda: pickle.dumps(env)):
        with pytest.raises(credo.UserError, match="closed"):
            call()
    assert env.closed and env.spec.n_agents and "closed" in repr(env)
    del env
    gc.collect()
    assert (obs == value).all()
    vec = credo.VecEnv("predator_prey/5x5", 2, threads=2)
    vec.reset()
    arrays = [vec.obs, vec.reward, vec.terminated]
    copies = [array.copy() for array in arrays]
    vec.close()
    vec.close()
    for call in (vec.reset, vec.sample_actions, vec.save, lambda: vec.step(np.zeros((2, 2), int)),
                 lambda: vec.t, lambda: vec.episode, lambda: vec.final_info, lambda: vec.render(0)):
        with pytest.raises(credo.UserError, match="closed"):
            call()
    del vec
    gc.collect()
    assert all((array == copy).all() for array, copy in zip(arrays, copies))


def test_views_outlive_environments():
    views = []
    for _ in range(200):
        env = credo.make("switch/2")
        env.reset()
        views.append((env.obs, env.spec))
        del env
    gc.collect()
    assert all(np.isfinite(obs).all() and spec.id == "switch/2" for obs, spec in views)


def test_damaged_states_are_refused_and_change_nothing():
    env = credo.make("skirmish/3m")
    env.reset(seed=0)
    saved = env.save()
    env.step([1, 1, 1])
    now = env.save()
    for bad in (b"", saved[:-1], saved + b"x", saved[:100] + b"\xff" + saved[101:],
                credo.make("two_step").save(), b"x" * 1000):
        with pytest.raises(credo.UserError, match="load"):
            env.load(bad)
        assert env.save() == now
    env.load(saved)
    assert env.t == 0


def test_two_threads_on_one_environment():
    env = credo.make("switch/2")
    env.reset(seed=0)
    vec = credo.VecEnv("skirmish/3m", 64, threads=1)
    vec.reset(seed=0)
    errors, steps = [], [0]
    lock = threading.Lock()

    def play():
        for _ in range(200):
            try:
                with lock:
                    if env.done:
                        env.reset()
                    env.step(env.sample_actions())
                vec.step(vec.sample_actions().copy())
                steps[0] += 1
            except credo.UserError as error:
                errors.append(str(error))

    threads = [threading.Thread(target=play) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Whoever came in meanwhile was turned away, or had drawn for a situation that had passed.
    assert steps[0] > 0
    assert all("another thread" in error or "not available" in error for error in errors)
    assert np.isfinite(vec.obs).all()
    vec.step(vec.sample_actions())


def test_step_lets_other_threads_run():
    vec = credo.VecEnv("skirmish/27m_vs_30m", 256, threads=1)
    vec.reset(seed=0)
    counted, stop = [0], threading.Event()

    def count():
        while not stop.is_set():
            counted[0] += 1

    thread = threading.Thread(target=count)
    thread.start()
    most = 0
    for _ in range(100):  # a busy machine may not run the other thread during a given step
        actions = vec.sample_actions()
        before = counted[0]
        vec.step(actions)
        most = max(most, counted[0] - before)
        if most > 100:
            break
    stop.set()
    thread.join()
    assert most > 100


def _in_child(queue):
    try:
        env = credo.make("skirmish/3m")
        env.reset(seed=0)
        env.step(env.sample_actions())
        vec = credo.VecEnv("skirmish/3m", 4, threads=1)
        vec.reset(seed=0)
        vec.step(vec.sample_actions())
        try:
            credo.VecEnv("skirmish/3m", 4, threads=2)
            queue.put("no error")
        except credo.UserError as error:
            queue.put(str(error))
    except BaseException as error:
        queue.put(repr(error))


def test_a_forked_child_works_and_is_told_about_threads():
    with credo.VecEnv("skirmish/3m", 4, threads=2) as vec:
        vec.reset(seed=0)
        vec.step(vec.sample_actions())
        context = multiprocessing.get_context("fork")
        queue = context.Queue()
        child = context.Process(target=_in_child, args=(queue,))
        child.start()
        assert "forked" in queue.get(timeout=60)
        child.join(60)
        assert child.exitcode == 0
        vec.step(vec.sample_actions())


def test_a_spawned_child_has_threads():
    code = (
        "import credo; v = credo.VecEnv('skirmish/3m', 4, threads=2); v.reset(0);"
        "v.step(v.sample_actions()); print(v.t.sum())"
    )
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True,
                         env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}).stdout
    assert out == "4\n"


def resident_kib():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize() // 1024


def play_everything(steps):
    """About `steps` steps by every way in, with what users do between them."""
    from credo.pettingzoo import parallel_env
    from credo.pymarl import CredoMultiAgentEnv

    with credo.VecEnv("predator_prey/5x5", 64, threads=2) as vec:
        vec.reset(seed=0)
        for i in range(steps // 128):
            vec.step(vec.sample_actions())
            if i % 16 == 0:
                assert len(vec.final_info) == 64 and vec.episode.sum() >= 0 and vec.t.sum() >= 0
            if i % 256 == 0:
                vec.load(vec.save())
                vec.reset(mask=np.arange(64) % 2 == 0)
                with pytest.raises(credo.IllegalActionError):
                    vec.step(np.full((64, 2), 99))
    env = credo.make("switch/2")
    for i in range(steps // 4):
        if env.done:
            env.reset(seed=i)
        env.step(env.sample_actions().tolist())
        if i % 64 == 0:
            env.load(env.save())
            env = pickle.loads(pickle.dumps(env.clone()))
            assert env.info is not None and env.render() and env.spec.as_dict()
            with pytest.raises(credo.IllegalActionError):
                env.step([99, 99])
            with pytest.raises(TypeError):
                env.step([0.5, "a"])
    zoo, pymarl = parallel_env("skirmish/3m"), CredoMultiAgentEnv(map_name="3m")
    for _ in range(steps // 8):
        if not zoo.agents:
            zoo.reset()
        zoo.step(dict(zip(zoo.agents, zoo.env.sample_actions().tolist())))
    ended = True
    for _ in range(steps // 8):
        if ended:
            pymarl.reset()
        _, ended, _ = pymarl.step(pymarl.env.sample_actions())
        pymarl.get_obs(), pymarl.get_state(), pymarl.get_avail_actions()


@pytest.mark.skipif("asan" in os.environ.get("LD_PRELOAD", ""), reason="it keeps freed memory")
def test_memory_does_not_grow():
    """2e5 steps here; CREDO_MEMORY_STEPS=10000000 makes it the ten million of the promise."""
    steps = int(os.environ.get("CREDO_MEMORY_STEPS", 200_000))
    play_everything(50_000)
    gc.collect()
    before = resident_kib()
    play_everything(steps)
    gc.collect()
    after = resident_kib()
    print(f"{steps} steps: resident {before} KiB before, {after} KiB after")
    assert after - before < 2048
