"""Sets QMIX in PyTorch (qmix_torch.py) beside Credo's: the same settings, the same seeds' numbers.

    PYTHONPATH=build/python python3 python/tests/qmix_beside.py skirmish/3m --seeds 3 --out runs/beside

One process, one thread. Seeds that are finished in `--out` are not trained again. Prints, per test,
the mean over seeds and the lowest and highest seed of either learner.
"""

import argparse
import csv
from pathlib import Path

import numpy as np
from qmix_torch import train

import credo
from credo import analysis

INTERVAL = 10_000


def native(env_id, seed, t_max, folder):
    """[tests, (t, return, win rate)] of `credo run --alg qmix --profile pymarl`."""
    if not (folder / "manifest.json").exists():
        trainer = credo.Trainer(env_id, "qmix", seed=seed, profile="pymarl", t_max=t_max,
                                settings={"evaluation.interval": INTERVAL})
        trainer.run(folder)
    run = analysis.read_run(folder)
    if not run.is_done:
        raise credo.UserError(f"{folder}: not finished; remove it or resume it")
    t, returns = run.curve("test_return_mean")
    names = run.metrics()
    wins = run.curve("test_battle_won_mean")[1] if "test_battle_won_mean" in names else np.nan * t
    return np.stack([t, returns, wins], -1)


def torch(env_id, seed, t_max, path):
    """The same of qmix_torch.py."""
    if not path.exists():
        points = []
        train(env_id, seed, t_max, lambda *point: points.append(point), interval=INTERVAL)
        lines = [["t_env", "return_mean", "win_rate"], *points]
        with open(path.with_suffix(".part"), "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(lines)
        path.with_suffix(".part").rename(path)
    table = analysis.read_table(path)
    return np.stack([np.asarray(table[name], float) for name in table], -1)


def cell(values):
    if np.isnan(values).all():
        return "-"
    return f"{values.mean():.2f} ({values.min():.2f} to {values.max():.2f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("env")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--t-max", type=int, default=50_000)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    stem = options.env.replace("/", "_")
    curves = {"PyTorch": [], "Credo": []}
    for seed in range(options.seeds):
        for name, learner in (("Credo", native), ("PyTorch", torch)):
            path = options.out / f"{stem}.{name.lower()}.{seed}"
            if name == "PyTorch":
                path = path.with_name(path.name + ".csv")
            curves[name].append(learner(options.env, seed, options.t_max, path))
    print("| steps | Credo, return | PyTorch, return | Credo, wins | PyTorch, wins |")
    print("|---|---|---|---|---|")
    for t in range(0, options.t_max + 1, INTERVAL):
        # Tests happen between episodes: the first one from step t on.
        at = {name: np.array([curve[np.argmax(curve[:, 0] >= t)] for curve in seeds])
              for name, seeds in curves.items()}
        cells = [cell(at[name][:, column]) for column in (1, 2) for name in ("Credo", "PyTorch")]
        print(f"| {t} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
