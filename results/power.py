#!/usr/bin/env python3
"""What difference n seeds can detect: python3 results/power.py [FOLDER]

For each task of a published folder (standard/): the standard deviation over seeds of the normalised score
after training, pooled over QMIX and its variants, and the smallest difference between two algorithms that a
two-sided t test with n independent seeds each detects at level 0.05 with probability 0.8. Pairing by
seed helps only where the seed explains part of the score; "paired" gives the deviation of differences
between QMIX-GRE and QMIX, divided by sqrt(2) to compare.
"""
import collections
import csv
import math
import pathlib
import statistics
import sys
import tomllib

HERE = pathlib.Path(__file__).parent
SEEDS = (3, 5, 6, 8, 10, 20, 30)
LEVEL, POWER = 0.05, 0.8
ALGORITHMS = ("qmix", "qmix_simple", "qmix_gre", "qmix_gre_exact")


def simpson(f, low, high, n=2000):
    step = (high - low) / n
    return step / 3 * sum((1 if i in (0, n) else 4 if i % 2 else 2) * f(low + i * step) for i in range(n + 1))


def rejected(shift, freedom, critical):
    """P(|T| > critical) for a noncentral t variable: over the chi variable in its denominator."""
    log_constant = math.log(2) - freedom / 2 * math.log(2) - math.lgamma(freedom / 2)

    def weighted(s):
        density = math.exp(log_constant + (freedom - 1) * math.log(s) - s * s / 2) if s > 0 else 0.0
        bound = critical * s / math.sqrt(freedom)
        inside = math.erf((bound - shift) / math.sqrt(2)) - math.erf((-bound - shift) / math.sqrt(2))
        return density * (1 - inside / 2)

    return simpson(weighted, 0.0, math.sqrt(freedom) + 8.0)


def solve(f, low, high):
    """Where the increasing f crosses 0."""
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if f(middle) < 0 else (low, middle)
    return (low + high) / 2


def detectable(n):
    """In standard deviations of a score."""
    freedom = 2 * n - 2
    critical = solve(lambda t: LEVEL - rejected(0.0, freedom, t), 0.0, 50.0)
    return solve(lambda d: rejected(d * math.sqrt(n / 2), freedom, critical) - POWER, 0.0, 50.0)


def final_scores(folder):
    bounds = tomllib.loads((HERE / "../suite/configs/bounds/bounds.toml").read_text())
    with open(folder / "plan.csv", newline="") as file:
        settings = {row["task"]: row["env_settings"] for row in csv.DictReader(file)}
    scores = collections.defaultdict(dict)
    with open(folder / "results.csv", newline="") as file:
        for row in csv.DictReader(file):
            if row["algorithm"] not in ALGORITHMS or row["status"] != "done":
                continue
            bound = bounds[" ".join([row["env"], settings[row["task"]]]).strip()]
            score = (float(row["return_mean"]) - bound["random"]) / (bound["best"] - bound["random"])
            scores[row["task"], row["algorithm"]][int(row["seed"])] = score
    return scores


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "standard"
    scores = final_scores(folder)
    factors = [detectable(n) for n in SEEDS]
    print("| task | SD | paired |" + "".join(f" {n} seeds |" for n in SEEDS))
    print("|---|---:|---:|" + "---:|" * len(SEEDS))
    print("| any, in SD | 1 | |" + "".join(f" {factor:.2f} |" for factor in factors))
    for task in dict.fromkeys(task for task, _ in scores):
        rows = [list(scores[task, algorithm].values()) for algorithm in ALGORITHMS]
        deviation = math.sqrt(statistics.mean(statistics.variance(row) for row in rows))
        pairs = [scores[task, "qmix_gre"][seed] - score for seed, score in scores[task, "qmix"].items()]
        paired = statistics.stdev(pairs) / math.sqrt(2)
        print(f"| {task} | {deviation:.2f} | {paired:.2f} |"
              + "".join(f" {factor * deviation:.2f} |" for factor in factors))


main()
