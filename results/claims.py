#!/usr/bin/env python3
"""The numbers over all tasks that README.md quotes, from standard/curves.csv alone, apart from the
program: python3 results/claims.py

The interquartile mean gives every task the same weight (docs/protocol.md, "Over all tasks"). Scores are normalised by the published bounds. A difference is taken between runs with the same seed on
the same task, averaged over seeds, then over tasks; intervals: 20,000 resamples of the seeds within each
task, 2.5th to 97.5th percentile. "Training" is the mean over all evaluations of a run, a measure of speed.
"""
import collections
import csv
import pathlib
import random
import tomllib

here = pathlib.Path(__file__).parent
bounds = tomllib.loads((here / "../suite/configs/bounds/bounds.toml").read_text())
# Tasks whose settings differ from the environment's defaults.
settings = {
    "predator_prey/5x5": "predator_prey/5x5 limit=25",
    "switch/2": "switch/2 limit=25",
    "stag_hunt/8x8@miscapture_penalty=-0.5": "stag_hunt/8x8 miscapture_penalty=-0.5",
}

scores, entropies, tasks = collections.defaultdict(list), collections.defaultdict(list), []
with open(here / "standard/curves.csv", newline="") as file:
    for row in csv.DictReader(file):  # by task, algorithm, seed and step
        task = row["task"]
        if task not in tasks:
            tasks.append(task)
        bound = bounds[settings.get(task, task)]
        key = (task, row["algorithm"], int(row["seed"]))
        scores[key].append((float(row["return_mean"]) - bound["random"]) / (bound["best"] - bound["random"]))
        if row["entropy_mean"]:
            entropies[key].append(float(row["entropy_mean"]))


def mean(values):
    return sum(values) / len(values)


def difference(measure, algorithm, baseline):
    pairs = [[measure[key] - measure[task, baseline, key[2]]
              for key in measure if key[:2] == (task, algorithm)] for task in tasks]
    stream = random.Random(1)
    resamples = sorted(mean([mean(stream.choices(pair, k=len(pair))) for pair in pairs]) for _ in range(20000))
    return mean([mean(pair) for pair in pairs]), resamples[499], resamples[19499]


def interquartile_mean(algorithm):
    runs = [sorted(values[-1] for key, values in scores.items() if key[:2] == (task, algorithm)) for task in tasks]
    weighted = sorted((score, 1 / len(tasks) / len(of_task)) for of_task in runs for score in of_task)
    equal = len({len(of_task) for of_task in runs}) == 1
    cut = len(weighted) // 4 / len(weighted) if equal else 1 / 4
    below = total = 0.0
    for score, weight in weighted:
        total += score * max(0.0, min(below + weight, 1 - cut) - max(below, cut))
        below += weight
    return total / (1 - 2 * cut)


measures = {
    "final": {key: values[-1] for key, values in scores.items()},
    "training": {key: mean(values) for key, values in scores.items()},
    "final H": {key: values[-1] for key, values in entropies.items()},
}
for algorithm, baseline in (("qmix_simple", "qmix"), ("qmix_gre", "qmix"), ("qmix_gre_exact", "qmix"),
                            ("qmix_gre_exact", "qmix_gre")):
    for name, measure in measures.items():
        print("{:15} - {:9} {:9} {:+.3f} [{:+.3f}, {:+.3f}]".format(
            algorithm, baseline, name, *difference(measure, algorithm, baseline)))
for algorithm in dict.fromkeys(key[1] for key in scores):
    print("{:15} IQM over all tasks {:.3f}".format(algorithm, interquartile_mean(algorithm)))
