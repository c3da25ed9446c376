#!/usr/bin/env python3
"""Compares Credo's statistics with SciPy's and NumPy's; not part of `make test`.

usage: compare_scipy.py                         statistics_vectors.json, which bootstrap_test.cpp checks
       compare_scipy.py SCORES.json REPORT.json what a report says, of results with equally many runs
                                                on every task (others weigh runs, which rliable does not):
         credo report DIR --format rliable > SCORES.json
         credo report DIR --format json --aggregate --baseline ALG > REPORT.json
Prints the largest difference of every statistic. Needs Debian's python3-scipy.
"""
import json
import sys
from pathlib import Path

import numpy
from scipy import stats

REPETITIONS = 50_000


def iqm(scores):
    return stats.trim_mean(scores, 0.25, axis=None)


def improvement(x, y):
    return numpy.mean([stats.mannwhitneyu(p, q, method="asymptotic").statistic / (len(p) * len(q))
                       for p, q in zip(x, y)])


def intervals(scores, rng):
    """Percentile intervals of IQM and mean; scores[task, run], runs drawn again in each task."""
    n_tasks, n_runs = scores.shape
    values = []
    for _ in range(20):
        rows = rng.integers(n_runs, size=(REPETITIONS // 20, n_tasks, n_runs))
        drawn = scores[numpy.arange(n_tasks)[None, :, None], rows].reshape(len(rows), -1)
        values.append(numpy.stack([stats.trim_mean(drawn, 0.25, axis=1), drawn.mean(axis=1)]))
    return numpy.percentile(numpy.concatenate(values, axis=1), [2.5, 97.5], axis=1)


class Largest:
    def __init__(self):
        self.found = {}

    def add(self, name, ours, theirs):
        difference = float(numpy.max(numpy.abs(numpy.asarray(ours) - numpy.asarray(theirs))))
        self.found[name] = max(self.found.get(name, 0.0), difference)

    def show(self):
        for name, difference in self.found.items():
            print(f"{name:32} {difference:.2g}")


def compare_vectors(largest):
    path = Path(__file__).with_name("statistics_vectors.json")
    rng = numpy.random.default_rng(1)
    for case in json.loads(path.read_text())["cases"]:
        x, y = numpy.array(case["x"]), numpy.array(case["y"])
        largest.add("IQM", case["iqm"], iqm(x))
        largest.add("median of task means", case["median"], numpy.median(x.mean(axis=1)))
        largest.add("mean of task means", case["mean"], x.mean(axis=1).mean())
        largest.add("optimality gap", case["optimality_gap"], 1 - numpy.minimum(x, 1).mean())
        largest.add("probability of improvement", case["improvement"], improvement(x, y))
        largest.add("performance profile", case["profile"], [(x > t).mean() for t in case["taus"]])
        if case["sign_flip"] is not None:
            differences = numpy.round(x - y, 2).ravel()
            test = stats.permutation_test(
                (differences,), numpy.mean, permutation_type="samples", n_resamples=numpy.inf)
            largest.add("sign-flip p-value", case["sign_flip"], test.pvalue)
        ends = intervals(x, rng)
        largest.add("interval of the IQM", case["iqm_ci"], ends[:, 0])
        largest.add("interval of the mean", case["mean_ci"], ends[:, 1])
        if len(x) == 1:
            test = stats.bootstrap((x[0],), lambda a, axis: stats.trim_mean(a, 0.25, axis=axis),
                                   n_resamples=REPETITIONS, method="percentile", random_state=rng)
            largest.add("interval by scipy.stats.bootstrap", case["iqm_ci"],
                        test.confidence_interval)


def compare_report(largest, scores_path, report_path):
    scores = json.loads(Path(scores_path).read_text())["scores"]
    report = json.loads(Path(report_path).read_text())
    rng = numpy.random.default_rng(2)
    table = {name: numpy.array(runs).T for name, runs in scores.items()}  # [task, run]
    for row in report["aggregates"]:
        x = table[row["algorithm"]]
        ends = intervals(x, rng)
        largest.add("IQM", row["iqm"]["value"], iqm(x))
        largest.add("median of task means", row["median"]["value"], numpy.median(x.mean(axis=1)))
        largest.add("mean of task means", row["mean"]["value"], x.mean(axis=1).mean())
        largest.add("optimality gap", row["optimality_gap"]["value"], 1 - numpy.minimum(x, 1).mean())
        largest.add("interval of the IQM", row["iqm"]["ci"], ends[:, 0])
        largest.add("interval of the mean", row["mean"]["ci"], ends[:, 1])
    for pair in report["pairs"]:
        largest.add("probability of improvement", pair["probability_of_improvement"]["value"],
                    improvement(table[pair["x"]], table[pair["y"]]))


def main():
    largest = Largest()
    if len(sys.argv) == 3:
        compare_report(largest, sys.argv[1], sys.argv[2])
    else:
        compare_vectors(largest)
    largest.show()


main()
