#!/usr/bin/env python3
"""Writes statistics_vectors.json, from which bootstrap_test.cpp checks our statistics.

Written apart from the C++, from the definitions of rliable, with Python's standard library alone:
exact fractions where there are means, statistics.quantiles for percentiles.
usage: statistics_vectors.py > statistics_vectors.json
"""
import itertools
import json
import random
import statistics
from fractions import Fraction

rng = random.Random(20221)


def exact_mean(values):
    values = list(values)
    return sum(map(Fraction, values), Fraction(0)) / len(values)


def pooled(scores):
    return [v for row in scores for v in row]


def iqm(scores):
    values = sorted(pooled(scores))
    cut = int(0.25 * len(values))  # as scipy.stats.trim_mean
    return exact_mean(values[cut:len(values) - cut])


def improvement(x, y):
    return exact_mean(exact_mean(Fraction(1) if a > b else Fraction(1, 2) if a == b else Fraction(0)
                                 for a in p for b in q) for p, q in zip(x, y))


def sign_flip(d):
    d = [Fraction(str(v)) for v in d]
    hits = [abs(sum(s * v for s, v in zip(signs, d))) >= abs(sum(d))
            for signs in itertools.product([1, -1], repeat=len(d))]
    return sum(hits) / len(hits)


def bootstrap(scores, statistic, reps, seed):
    generator = random.Random(seed)
    values = [statistic([generator.choices(row, k=len(row)) for row in scores])
              for _ in range(reps)]
    cuts = statistics.quantiles(values, n=40, method="inclusive")  # steps of 2.5 percent
    return [cuts[0], cuts[-1]]


def float_iqm(scores):
    values = sorted(pooled(scores))
    cut = len(values) // 4
    return statistics.fmean(values[cut:len(values) - cut])


def float_mean(scores):
    return statistics.fmean(statistics.fmean(row) for row in scores)


cases = []
for n_tasks, n_runs in [(1, 3), (1, 5), (1, 10), (4, 5), (9, 5), (3, 7), (6, 10)]:
    x, y = ([[round(rng.gauss(centre, 0.3), 2) for _ in range(n_runs)] for _ in range(n_tasks)]
            for centre in (0.6, 0.5))
    means = sorted(exact_mean(row) for row in x)
    differences = [round(a - b, 2) for a, b in zip(pooled(x), pooled(y))]
    taus = [0.0, 0.25, 0.5, 0.75, 1.0]
    cases.append({
        "x": x, "y": y,
        "iqm": float(iqm(x)),
        "median": float(statistics.median(means)),
        "mean": float(exact_mean(means)),
        "optimality_gap": float(1 - exact_mean(min(v, 1.0) for v in pooled(x))),
        "improvement": float(improvement(x, y)),
        "profile": [float(exact_mean(int(v > tau) for v in pooled(x))) for tau in taus],
        "taus": taus,
        "sign_flip": sign_flip(differences) if len(differences) <= 15 else None,
        "iqm_ci": bootstrap(x, float_iqm, 20000, 1),
        "mean_ci": bootstrap(x, float_mean, 20000, 2),
    })
print(json.dumps({"cases": cases}))
