#!/usr/bin/env python3
"""Writes statistics_vectors.json, from which statistics_vectors_test.cpp checks our statistics.

Written apart from the C++: numpy and scipy (Debian's python3-scipy) and the definitions of rliable.
usage: statistics_vectors.py > statistics_vectors.json
"""
import itertools
import json

import numpy as np
import scipy
from scipy import stats

rng = np.random.default_rng(20221)


def improvement(x, y):
    # Mean over tasks of Mann-Whitney U / (n_x n_y).
    return float(np.mean([stats.mannwhitneyu(a, b, alternative="two-sided").statistic
                          / (len(a) * len(b)) for a, b in zip(x, y)]))


def sign_flip(d):
    observed = abs(np.mean(d)) - 1e-12
    hits = [abs(np.mean(np.array(s) * d)) >= observed
            for s in itertools.product([1, -1], repeat=len(d))]
    return float(np.mean(hits))


def bootstrap(scores, statistic, reps, seed):
    # Percentile bootstrap, runs drawn again within each task.
    generator = np.random.default_rng(seed)
    values = []
    for _ in range(reps):
        values.append(statistic([row[generator.integers(0, len(row), len(row))]
                                 for row in scores]))
    return [float(v) for v in np.percentile(values, [2.5, 97.5])]


def iqm(scores):
    return stats.trim_mean(np.concatenate(scores), 0.25, axis=None)


cases = []
for n_tasks, n_runs in [(1, 3), (1, 5), (1, 10), (4, 5), (9, 5), (3, 7), (6, 10)]:
    x = [np.round(rng.normal(0.6, 0.3, n_runs), 2) for _ in range(n_tasks)]
    y = [np.round(rng.normal(0.5, 0.3, n_runs), 2) for _ in range(n_tasks)]
    means = [np.mean(row) for row in x]
    difference = np.concatenate(x) - np.concatenate(y)
    taus = [0.0, 0.25, 0.5, 0.75, 1.0]
    cases.append({
        "x": [row.tolist() for row in x],
        "y": [row.tolist() for row in y],
        "iqm": float(iqm(x)),
        "median": float(np.median(means)),
        "mean": float(np.mean(means)),
        "optimality_gap": float(1.0 - np.mean(np.minimum(np.concatenate(x), 1.0))),
        "improvement": improvement(x, y),
        "profile": [float(np.mean(np.concatenate(x) > tau)) for tau in taus],
        "taus": taus,
        "sign_flip": sign_flip(difference) if len(difference) <= 15 else None,
        "iqm_ci": bootstrap(x, iqm, 20000, 1),
        "mean_ci": bootstrap(x, lambda s: np.mean([np.mean(r) for r in s]), 20000, 2),
    })
print(json.dumps({"numpy": np.__version__, "scipy": scipy.__version__, "cases": cases}, indent=1))
