#!/usr/bin/env python3
"""Fits the cost model of `credo suite --dry-run` (suite/configs/costs/costs.toml).

usage: fit_costs.py PLAN.json SUITE_DIR [ENV.json] > costs.toml
  PLAN.json  output of `credo suite tests/bench/cost_cells.toml --dry-run --json`
  SUITE_DIR  the same suite, run on one core that does nothing else:
             credo suite tests/bench/cost_cells.toml --out SUITE_DIR --jobs 1 --threads 1
  ENV.json   output of `credo bench env --json` for the environments that get a row of their own
Without ENV.json it only compares: every finished cell's time with the estimate.

Times are a sum of non-negative costs times counts; non-negative least squares on relative errors
finds the costs. Counts of what happened (steps, episodes, updates, evaluation steps) come from the
runs, sizes from the plan. Needs Debian's python3-scipy.
"""
import csv
import fnmatch
import json
import statistics
import sys
from pathlib import Path

import numpy
from scipy.optimize import nnls

SIDE_BY_SIDE = 8  # episodes of an evaluation that act together
MEMORY = {}


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
    return work, manifest["wall_s"]


def features(algorithm, w, env_us):
    """Cost name -> count, in seconds per unit of the cost; costs.toml names them alike."""
    train, evaluation = w["train_steps"], w["evaluation_steps"]
    steps = train + evaluation
    slots = w["batch_size"] * (w["episode_length"] + 1)
    learnt = w["batch_size"] * w["episode_length"]
    u = w["updates"]
    f = {
        "run.start_s": 1,
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
        "update.parameter_ns": 1e-9 * u * (w["agent_weights"] + w["other_weights"]),
        f"alg.{algorithm}.step_ns": 1e-9 * u * learnt,
        f"alg.{algorithm}.weight_ns": 1e-9 * u * learnt * w["other_weights"],
    }
    return f, steps * env_us * 1e-6


def main():
    plan = json.loads(Path(sys.argv[1]).read_text())
    suite = Path(sys.argv[2])
    cells = []
    for cell in plan["cells"]:
        folder = suite / "runs" / cell["cell"]
        if (folder / "manifest.json").exists():
            work, seconds = actual(cell["work"], folder)
            cells.append((cell, work, seconds))
    if len(sys.argv) < 4:
        compare(cells)
        return
    env_us = {row["env"]: 1e6 / row["steps_per_s"] for row in json.loads(Path(sys.argv[3]).read_text())}
    learning = [c for c in cells if c[1]["updates"] > 0]
    names, rows, rest = [], [], []
    for cell, work, seconds in learning:
        f, env_s = features(cell["algorithm"], work, env_us[cell["env"]])
        rows.append(f)
        rest.append(max(seconds - env_s, 1e-3))
        names += [name for name in f if name not in names]
    times = numpy.array([seconds for _, _, seconds in learning])
    matrix = numpy.array([[f.get(name, 0.0) for name in names] for f in rows])
    weights = 1.0 / times
    scale = numpy.maximum((matrix * weights[:, None]).max(axis=0), 1e-30)
    solution, _ = nnls(matrix * weights[:, None] / scale, numpy.array(rest) * weights, maxiter=20000)
    costs = dict(zip(names, solution / scale))
    estimated = times - numpy.array(rest) + matrix @ (solution / scale)
    errors = estimated / times - 1
    print(f"fit of {len(times)} cells: median |error| {numpy.median(abs(errors)):.1%}, "
          f"largest {max(errors, key=abs):+.1%}", file=sys.stderr)
    for (cell, _, seconds), error in sorted(zip(learning, errors), key=lambda p: -abs(p[1]))[:12]:
        print(f"  {cell['cell']:50} {seconds:7.3f} s  {error:+.1%}", file=sys.stderr)
    blind = {}
    for cell, work, seconds in cells:
        if cell["algorithm"] == "open_loop":
            blind[cell["env"]] = 1e6 * seconds / (work["train_steps"] + work["evaluation_steps"])
    share = statistics.median(blind[env] / env_us[env] for env in blind)
    print_costs(costs, env_us, blind, share)


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


def compare(cells):
    pass


main()
