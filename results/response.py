#!/usr/bin/env python3
"""Score against H, from the published suites `gre_target` (H held at a target) and `gre_response`
(a sweep of lambda), apart from the program: python3 results/response.py [FOLDER...]

Prints the tables of README.md, "Does a lower H help?". A cell is the mean over seeds with the 95% percentile
interval of 20,000 resamples of the seeds, or the lowest and highest of fewer than five. H over training and H of
the contributions are means over the logged updates of a run. The slope is, per seed, that of the measure
after training on H over training, by least squares over the rows of the sweep.
"""
import collections
import pathlib
import sys

sys.dont_write_bytecode = True  # results/ holds results
from hypotheses import mean, rows_of, shown, slope  # noqa: E402

HERE = pathlib.Path(__file__).parent
TASKS = {"predator_prey/5x5": "predator-prey", "switch/2": "switch", "lbf/5x5-2p-1f": "foraging"}


class Sweep:
    """Measures by (task, algorithm, seed)."""

    def __init__(self, folder):
        self.final, self.speed, self.training = {}, {}, collections.defaultdict(dict)
        for row in rows_of(folder / "results.csv"):
            if row["status"] == "done":
                key = row["task"], row["algorithm"], int(row["seed"])
                self.final[key] = float(row["win_rate"] or row["return_mean"])
        curves, sums = collections.defaultdict(list), collections.defaultdict(list)
        for row in rows_of(folder / "curves.csv"):
            key = row["task"], row["algorithm"], int(row["seed"])
            curves[key].append(float(row["win_rate"] or row["return_mean"]))
        self.speed = {key: mean(curve) for key, curve in curves.items() if key in self.final}
        for row in rows_of(folder / "training.csv"):
            key = row["task"], row["algorithm"], int(row["seed"])
            for name in ("batch_entropy", "contribution_entropy", "gre_lambda", "entropy_grad_ratio"):
                if row[name]:
                    sums[key, name].append((int(row["updates"]), float(row[name])))
        for (key, name), parts in sums.items():
            self.training[name][key] = sum(n * value for n, value in parts) / sum(n for n, _ in parts)
        self.rows = list(dict.fromkeys(key[:2] for key in self.final))

    def of(self, values, row):
        return [value for key, value in sorted(values.items()) if key[:2] == row]

    def slopes(self, task):
        """By seed: of the measure after training on H over training."""
        found, h = [], self.training["batch_entropy"]
        for seed in sorted({key[2] for key in self.final if key[0] == task}):
            points = [(h[key], value) for key, value in self.final.items() if key[0] == task and key[2] == seed]
            if len(points) > 2:
                found.append(slope(points))
        return [value for value in found if value is not None]


def lines(folder):
    sweep = Sweep(folder)
    for task, algorithm in sweep.rows:
        row = task, algorithm
        training = sweep.training
        yield "| " + " | ".join([
            TASKS.get(task, task.removeprefix("skirmish/")), algorithm.partition("=")[2] or algorithm,
            shown(sweep.of(training["batch_entropy"], row)), shown(sweep.of(training["contribution_entropy"], row)),
            shown(sweep.of(training["gre_lambda"], row), 3), shown(sweep.of(training["entropy_grad_ratio"], row)),
            shown(sweep.of(sweep.final, row)), shown(sweep.of(sweep.speed, row))]) + " |"
    for task in dict.fromkeys(task for task, _ in sweep.rows):
        yield (f"{TASKS.get(task, task.removeprefix('skirmish/'))}: slope "
               f"{shown(sweep.slopes(task), sign=True)} per unit of H")


if __name__ == "__main__":
    for name in sys.argv[1:] or [HERE / "gre_target", HERE / "gre_response"]:
        for text in lines(pathlib.Path(name)):
            print(text)
