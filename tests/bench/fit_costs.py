#!/usr/bin/env python3
"""Measures, fits and checks the cost model of `credo suite --dry-run` (suite/configs/costs/costs.toml).

usage: fit_costs.py measure CREDO SUITE.toml OUT [PROFILE]
           runs every cell in a process of its own on core 1; seconds and peak memory go to
           OUT/times.json; again with the same OUT, cells run again and the shorter time counts
       fit_costs.py fit CREDO SUITE.toml OUT ENV.json > sections of costs.toml
           ENV.json: `credo bench env --threads 1 --json` for the environments that get a row
       fit_costs.py compare CREDO SUITE.toml OUT [PROFILE]
           the estimate of every measured cell beside what it took

A time is a sum of non-negative costs times counts; non-negative least squares on relative errors
finds the costs. Counts of what happened (steps, episodes, updates, evaluation steps) come from the
runs, sizes from the plan. fit needs Debian's python3-scipy.
"""
import csv
import json
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

SIDE_BY_SIDE = 8  # episodes of an evaluation that act together


def actual(work, folder):
    """The plan's counts, with what really happened in their place."""
    manifest = json.loads((folder / "manifest.json").read_text())
    rows = list(csv.DictReader((folder / "eval_episodes.csv").open()))
    work = dict(work)
    work["train_steps"] = manifest["env_steps"]
    work["updates"] = manifest["updates"]
    work["evaluation_steps"] = sum(int(row["length"]) for row in rows)
    if manifest["episodes"]:
        work["episode_length"] = manifest["env_steps"] / manifest["episodes"]
    return work


def features(algorithm, w, env_us):
    """Cost name -> count, in seconds per unit of the cost; costs.toml names them alike."""
    train, evaluation = w["train_steps"], w["evaluation_steps"]
    steps = train + evaluation
    slots = w["batch_size"] * (w["episode_length"] + 1)
    learnt = w["batch_size"] * w["episode_length"]
    u = w["updates"]
    f = {
        "run.evaluation_s": w["evaluations"],
        "acting.call_us": 1e-6 * (train / w["n_envs"] + evaluation / SIDE_BY_SIDE),
        "acting.agent_us": 1e-6 * steps * w["n_agents"],
        "acting.weight_ns": 1e-9 * steps * w["n_agents"] * w["agent_weights"],
        "acting.store_ns": 1e-9 * train * w["floats_per_step"],
        "acting.credit_ns": 1e-9 * evaluation * w["other_weights"],
        "update.call_us": 1e-6 * u,
        "update.row_ns": 1e-9 * u * slots * w["n_agents"],
        "update.weight_ns": 1e-9 * u * slots * w["n_agents"] * w["agent_weights"],
        "update.read_ns": 1e-9 * u * slots * w["floats_per_step"],
        "update.parameter_ns": 1e-9 * u * sum(w[kind + "_weights"]
                                              for kind in ("agent", "other", "further")),
        f"alg.{algorithm}.step_ns": 1e-9 * u * learnt,
        f"alg.{algorithm}.weight_ns": 1e-9 * u * learnt * w["other_weights"],
    }
    return f, steps * env_us * 1e-6


def plan_of(credo, suite, profile):
    command = [credo, "suite", suite, "--dry-run", "--json", "--jobs", "1", "--threads", "1"]
    return json.loads(subprocess.check_output(command + ["--profile", profile]))


def measure(credo, suite, out, profile="pymarl"):
    """The shorter of wall and processor time: the one counts neighbours, the other plan and tables."""
    def prepare():
        os.sched_setaffinity(0, {1})
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))
        except PermissionError:
            pass

    record = Path(out) / "times.json"
    times = json.loads(record.read_text()) if record.exists() else {}
    for cell in plan_of(credo, suite, profile)["cells"]:
        folder = Path(out) / "runs" / cell["cell"]
        shutil.rmtree(folder, ignore_errors=True)
        child = subprocess.Popen(
            [credo, "suite", suite, "--profile", profile, "--only", cell["cell"], "--out", out,
             "--jobs", "1", "--threads", "1", "--quiet"],
            stdout=subprocess.DEVNULL, preexec_fn=prepare)
        _, status, usage = os.wait4(child.pid, 0)
        if status != 0:
            sys.exit(f"{cell['cell']}: status {status}")
        before = times.get(cell["cell"], {"seconds": float("inf"), "bytes": 0})
        wall_s = json.loads((folder / "manifest.json").read_text())["wall_s"]
        times[cell["cell"]] = {
            "seconds": min(before["seconds"], wall_s, usage.ru_utime + usage.ru_stime),
            "bytes": max(before["bytes"], usage.ru_maxrss * 1024)}
        record.write_text(json.dumps(times, indent=1))


def fit(credo, suite, out, env_json):
    import numpy
    from scipy.optimize import nnls
    times = json.loads((Path(out) / "times.json").read_text())
    env_us = {row["env"]: 1e6 / row["steps_per_s"]
              for row in json.loads(Path(env_json).read_text())}
    cells, blind = [], {}
    for cell in plan_of(credo, suite, "pymarl")["cells"]:
        work = actual(cell["work"], Path(out) / "runs" / cell["cell"])
        seconds = times[cell["cell"]]["seconds"]
        if work["updates"] > 0:
            cells.append((cell, work, seconds))
        elif cell["algorithm"] == "random":
            blind.setdefault(cell["env"], [0, 0])[0] = seconds
        elif cell["algorithm"] == "open_loop":
            blind.setdefault(cell["env"], [0, 0])[1] = seconds
            steps = work["train_steps"]
            blind[cell["env"]].append(steps)
    start_s = statistics.median(random for random, *_ in blind.values())
    blind_us = {env: 1e6 * max(search - start_s, 0) / steps
                for env, (_, search, steps) in blind.items()}
    names, rows, rest = [], [], []
    for cell, work, seconds in cells:
        f, env_s = features(cell["algorithm"], work, env_us[cell["env"]])
        rows.append(f)
        rest.append(max(seconds - env_s - start_s, 1e-4))
        names += [name for name in f if name not in names]
    seconds = numpy.array([t for _, _, t in cells])
    matrix = numpy.array([[f.get(name, 0.0) for name in names] for f in rows])
    scale = numpy.maximum((matrix / seconds[:, None]).max(axis=0), 1e-30)
    solution, _ = nnls(matrix / seconds[:, None] / scale, numpy.array(rest) / seconds,
                       maxiter=20000)
    costs = {"run.start_s": start_s} | dict(zip(names, solution / scale))
    errors = (seconds - numpy.array(rest) + matrix @ (solution / scale)) / seconds - 1
    print(f"fit of {len(cells)} cells: median |error| {numpy.median(abs(errors)):.1%}, "
          f"largest {max(errors, key=abs):+.1%}", file=sys.stderr)
    for (cell, _, t), error in sorted(zip(cells, errors), key=lambda p: -abs(p[1]))[:8]:
        print(f"  {cell['cell']:45} {t:7.3f} s  {error:+.1%}", file=sys.stderr)
    share = statistics.median(blind_us[env] / env_us[env] for env in blind_us)
    print_costs(costs, env_us, blind_us, share)


def compare(credo, suite, out, profile="pymarl"):
    times = json.loads((Path(out) / "times.json").read_text())
    plan = plan_of(credo, suite, profile)
    for cell in plan["cells"]:
        if cell["cell"] not in times:
            continue
        measured = times[cell["cell"]]
        work = actual(cell["work"], Path(out) / "runs" / cell["cell"])
        print(f"{cell['cell']:40} {measured['seconds']:7.1f} s, estimate {cell['estimated_s']:7.1f} "
              f"({cell['estimated_s'] / measured['seconds'] - 1:+.0%}); "
              f"{measured['bytes'] / 2**20:4.0f} MiB, estimate "
              f"{(plan['total']['program_bytes'] + cell['estimated_bytes']) / 2**20:4.0f}; "
              f"updates {work['updates']} of {cell['work']['updates']:.0f}")


def print_costs(costs, env_us, blind, share):
    for section in ("run", "acting", "update"):
        print(f"\n[{section}]")
        for name, value in costs.items():
            if name.startswith(section + "."):
                print(f"{name.split('.')[1]} = {value:.4g}")
    algorithms = sorted({name.split(".")[1] for name in costs if name.startswith("alg.")})
    print("\n[alg]")
    for algorithm in algorithms:
        print(f'"{algorithm}" = {{step_ns = {costs[f"alg.{algorithm}.step_ns"]:.4g}, '
              f'weight_ns = {costs[f"alg.{algorithm}.weight_ns"]:.4g}}}')
    print("\n[env]")
    for env, us in env_us.items():
        print(f'"{env}" = {{step_us = {us:.3g}, blind_step_us = {blind.get(env, share * us):.3g}}}')



COMMANDS = {"measure": measure, "fit": fit, "compare": compare}
if len(sys.argv) < 5 or sys.argv[1] not in COMMANDS:
    sys.exit(__doc__)
COMMANDS[sys.argv[1]](*sys.argv[2:])
