"""Speed of the Python door: python -m credo.bench [--env ID]... [--program build/credo] [--json]

Random available actions; observations, state and availability are written at every step, resets
included. Steps per second are of wall time, microseconds per joint step of processor time, which
other programs on the machine disturb less. With --program the table also shows the microseconds of
`credo bench env` of the same moment, and the ratio to them. Measurements take turns; the table shows
medians.
"""

import argparse
import json
import subprocess
import sys
import time

import numpy as np

import credo

DEFAULT_ENVS = ("skirmish/3m", "skirmish/27m_vs_30m", "predator_prey/5x5")


def speed(body, seconds):
    """Calls body() until `seconds` have passed; it returns the steps it took. Steps per second, and
    microseconds of processor time per step."""
    body()
    steps, start, cpu_start = 0, time.perf_counter(), time.process_time()
    while True:
        steps += body()
        elapsed = time.perf_counter() - start
        if elapsed >= seconds:
            return steps / elapsed, 1e6 * (time.process_time() - cpu_start) / steps


def single(id):
    """One Env, actions drawn natively."""
    env = credo.make(id)
    env.reset(0)

    def body():
        for _ in range(200):
            if env.done:
                env.reset()
            env.step(env.sample_actions())
        return 200

    return body


def vector(id, n, threads):
    """VecEnv with native sampling."""
    envs = credo.VecEnv(id, n, threads=threads)
    envs.reset(0)
    rounds = max(1, 2048 // n)

    def body():
        for _ in range(rounds):
            envs.step(envs.sample_actions())
        return rounds * n

    return body


def numpy_vector(id, n):
    """VecEnv on one thread with a NumPy policy: random scores, the unavailable ones masked."""
    envs = credo.VecEnv(id, n, threads=1)
    envs.reset(0)
    rng = np.random.default_rng(0)
    shape = envs.avail.shape
    rounds = max(1, 512 // n)

    def body():
        for _ in range(rounds):
            scores = rng.random(shape, dtype=np.float32) * envs.avail
            scores += envs.avail
            envs.step(scores.argmax(-1))
        return rounds * n

    return body


def pettingzoo_dicts(id):
    """PettingZoo's dictionaries, available actions chosen by Python from the masks."""
    from credo.pettingzoo import parallel_env

    env = parallel_env(id)
    env.reset(seed=0)
    agents = env.possible_agents

    def body():
        for _ in range(100):
            if not env.agents:
                env.reset()
            env.step(dict(zip(agents, env.env.sample_actions().tolist())))
        return 100

    return body


def program_cpu_us(program, id):
    """`credo bench env` of the program, on one thread."""
    out = subprocess.run(
        [program, "bench", "env", "--env", id, "--threads", "1", "--json"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return json.loads(out)[0]["cpu_us"]


def cases(threads):
    """(name, threads, maker of a body): the rows for one environment."""
    yield "Env", 1, single
    yield "VecEnv x32", 1, lambda id: vector(id, 32, 1)
    yield "VecEnv x256", 1, lambda id: vector(id, 256, 1)
    if threads > 1:
        yield "VecEnv x256", threads, lambda id: vector(id, 256, threads)
    yield "VecEnv x32, NumPy policy", 1, lambda id: numpy_vector(id, 32)
    try:
        import credo.pettingzoo  # noqa: F401
    except ImportError:
        return
    yield "PettingZoo dicts", 1, pettingzoo_dicts


def measure(id, threads, seconds, program, repeats):
    """Rows of one environment. Measurements take turns, the medians are kept."""
    rows = [{"env": id, "case": name, "threads": t} for name, t, _ in cases(threads)]
    bodies = [make(id) for _, _, make in cases(threads)]
    speeds = [[] for _ in rows]
    own = []
    for _ in range(repeats):
        if program:
            own.append(program_cpu_us(program, id))
        for row_speeds, body in zip(speeds, bodies):
            row_speeds.append(speed(body, seconds))
    for row, row_speeds in zip(rows, speeds):
        row["steps_per_s"], row["cpu_us"] = map(float, np.median(row_speeds, axis=0))
        if own:
            row["program_cpu_us"] = float(np.median(own))
            row["ratio"] = row["cpu_us"] / row["program_cpu_us"]
    return rows


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m credo.bench", description=__doc__)
    parser.add_argument("--env", action="append", metavar="ID")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--program", metavar="PATH")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    rows = []
    try:
        for id in options.env or DEFAULT_ENVS:
            rows += measure(id, options.threads, options.seconds, options.program, options.repeats)
    except (credo.UserError, OSError, subprocess.CalledProcessError) as error:
        print(f"credo.bench: error: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(rows, indent=2))
        return 0
    print(f"{'env':<22} {'case':<26} {'threads':>7} {'steps/s':>10} {'cpu us':>8} {'program':>8}"
          f" {'ratio':>6}")
    for row in rows:
        line = (f"{row['env']:<22} {row['case']:<26} {row['threads']:>7} "
                f"{row['steps_per_s']:>10.0f} {row['cpu_us']:>8.3f}")
        if "ratio" in row:
            line += f" {row['program_cpu_us']:>8.3f} {row['ratio']:>6.2f}"
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
