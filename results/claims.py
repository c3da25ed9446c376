#!/usr/bin/env python3
"""The numbers that README.md quotes, recomputed from the CSV files beside it, apart from the program:
python3 results/claims.py

Each line is a piece of README.md as it follows from the files. The exit status is 1 when README.md lacks
one (line breaks do not count); a test runs this.

The interquartile mean gives every task the same weight (docs/protocol.md, "Over all tasks"). Scores are
normalised by the published bounds. A difference is taken between runs with the same seed on the same task,
averaged over seeds, then over tasks; intervals: 20,000 resamples of the seeds within each task, 2.5th to
97.5th percentile. "Training" is the mean over all evaluations of a run, a measure of speed.
"""
import collections
import pathlib
import random
import re
import sys
import tomllib

sys.dont_write_bytecode = True  # results/ holds results
import hypotheses  # noqa: E402
import response  # noqa: E402
from hypotheses import mean, rows_of  # noqa: E402

HERE = pathlib.Path(__file__).parent
RESPONSES = ("gre_target", "gre_response")
BOUNDS = tomllib.loads((HERE / "../suite/configs/bounds/bounds.toml").read_text())
SHORT = {"matrix/qtran": "QTRAN game", "predator_prey/5x5": "predator-prey", "switch/2": "switch",
         "stag_hunt/8x8@miscapture_penalty=-0.5": "stag hunt", "lbf/5x5-2p-1f": "foraging"}


class Folder:
    """A published suite: normalised scores, H and final measures by (task, algorithm, seed)."""

    def __init__(self, name):
        settings = {row["task"]: row["env_settings"] for row in rows_of(HERE / f"{name}/plan.csv")}
        self.tasks, self.algorithms = [], []
        self.scores, self.entropies = collections.defaultdict(list), collections.defaultdict(list)
        self.curves = collections.defaultdict(dict)
        for row in rows_of(HERE / f"{name}/curves.csv"):  # by task, algorithm, seed and step
            key = (row["task"], row["algorithm"], int(row["seed"]))
            value = float(row["return_mean"])
            env = row["task"].split("@")[0]
            bound = BOUNDS.get(f"{env} {settings[row['task']]}".strip())
            if bound:
                self.scores[key].append((value - bound["random"]) / (bound["best"] - bound["random"]))
            if row["entropy_mean"]:
                self.entropies[key].append(float(row["entropy_mean"]))
            self.curves[key][int(row["t_env"])] = value
        self.measure, self.final_return, self.final_entropy = {}, {}, {}
        for row in rows_of(HERE / f"{name}/results.csv"):
            key = (row["task"], row["algorithm"], int(row["seed"]))
            for list_, value in ((self.tasks, key[0]), (self.algorithms, key[1])):
                if value not in list_:
                    list_.append(value)
            self.final_return[key] = float(row["return_mean"])
            self.measure[key] = float(row["win_rate"] or row["return_mean"])
            if row["entropy_mean"]:
                self.final_entropy[key] = float(row["entropy_mean"])

    def of(self, values, task, algorithm):
        return [value for key, value in sorted(values.items()) if key[:2] == (task, algorithm)]

    def difference(self, values, algorithm, baseline):
        pairs = [[values[key] - values[task, baseline, key[2]]
                  for key in values if key[:2] == (task, algorithm)] for task in self.tasks]
        stream = random.Random(1)
        resamples = sorted(mean([mean(stream.choices(pair, k=len(pair))) for pair in pairs])
                           for _ in range(20000))
        centre = mean([mean(pair) for pair in pairs])
        return f"{centre:+.3f} [{resamples[499]:+.3f}, {resamples[19499]:+.3f}]"

    def interquartile_mean(self, algorithm):
        runs = [sorted(values[-1] for key, values in self.scores.items() if key[:2] == (task, algorithm))
                for task in self.tasks]
        weighted = sorted((score, 1 / len(self.tasks) / len(of_task)) for of_task in runs for score in of_task)
        equal = len({len(of_task) for of_task in runs}) == 1
        cut = len(weighted) // 4 / len(weighted) if equal else 1 / 4
        below = total = 0.0
        for score, weight in weighted:
            total += score * max(0.0, min(below + weight, 1 - cut) - max(below, cut))
            below += weight
        return f"{total / (1 - 2 * cut):.3f}"


def spread(values, digits, shortest=False):
    """ "1.4 (0.6 to 2.2)", or the value alone where all are the same to these digits."""
    texts = [f"{value:.{digits}f}".replace("-0." + "0" * digits, "0." + "0" * digits)
             for value in (mean(values), min(values), max(values))]
    if shortest and texts[1] == texts[2]:
        return texts[0]
    return f"{texts[0]} ({texts[1]} to {texts[2]})"


def standard_claims():
    folder = Folder("standard")
    measures = {
        "final": {key: values[-1] for key, values in folder.scores.items()},
        "training": {key: mean(values) for key, values in folder.scores.items()},
        "H": {key: values[-1] for key, values in folder.entropies.items()},
    }
    yield f"(`qmix_simple` minus `qmix`: {folder.difference(measures['final'], 'qmix_simple', 'qmix')};"
    for name in ("qmix_gre", "qmix_gre_exact"):
        yield f"| `{name}` | " + " | ".join(
            folder.difference(measures[each], name, "qmix") for each in ("H", "training", "final")) + " |"
    final, entropy = (folder.difference(measures[each], "qmix_gre_exact", "qmix_gre") for each in ("final", "H"))
    yield f"`qmix_gre_exact` minus `qmix_gre` is {final}, H {entropy}"
    yield f"IQM {folder.interquartile_mean('ow_qmix')} ["
    yield f"against {folder.interquartile_mean('qmix')} ["
    for task in folder.tasks:
        cells = [spread(folder.of(folder.final_entropy, task, algorithm), 3)
                 for algorithm in ("qmix", "qmix_gre", "qmix_gre_exact", "qplex", "ow_qmix")]
        yield f"| {SHORT.get(task, task.removeprefix('skirmish/'))} | " + " | ".join(cells) + " |"


def rivals_claims():
    folder = Folder("rivals")
    for task in folder.tasks:
        cells = [spread(folder.of(folder.measure, task, algorithm), 2, shortest=True)
                 for algorithm in folder.algorithms]
        yield f"| {task.removeprefix('skirmish/')} | " + " | ".join(cells) + " |"
    yield f"QMIX is ahead: IQM {folder.interquartile_mean('qmix')} ["
    for name in ("Qatten", "IPPO", "MAPPO", "SHAQ"):
        yield f"{name} {folder.interquartile_mean(name.lower())} ["


def weight_claims():
    folder = Folder("gre_lambda")

    def cell(env, weight, algorithm):
        key = (f"{env}@lambda={weight}", algorithm)
        return f"{mean(folder.of(folder.final_return, *key)):.2f}, {mean(folder.of(folder.final_entropy, *key)):.3f}"

    for weight in ("0.0003", "0.001", "0.003", "0.01"):
        yield f"| {weight} | " + " | ".join(cell(env, weight, algorithm)
                                            for env in ("predator_prey/5x5", "switch/2")
                                            for algorithm in ("qmix_gre", "qmix_gre_exact")) + " |"


def stag_hunt_claims():
    folder = Folder("stag_hunt")
    for steps in (50000, 1000000):
        for algorithm in folder.algorithms:
            if algorithm == "noop":
                continue
            cells = []
            for penalty in ("0", "-0.5", "-1", "-1.5", "-2"):
                task = f"stag_hunt/8x8@miscapture_penalty={penalty}@epsilon_anneal_steps={steps}"
                text = spread(folder.of(folder.final_return, task, algorithm), 1, shortest=True)
                entropies = folder.of(folder.final_entropy, task, algorithm)
                cells.append(text + (f", {mean(entropies):.3f}" if entropies else ""))
            yield f"| {algorithm} | " + " | ".join(cells) + " |"


def credits_claims():
    yield from hypotheses.lines(HERE / "credits")


def response_claims():
    for name in RESPONSES:
        yield from response.lines(HERE / name)


def main():
    text = " ".join((HERE / "README.md").read_text().split())
    n_missing = 0
    for claims in (standard_claims, rivals_claims, weight_claims, stag_hunt_claims, credits_claims,
                   response_claims):
        for claim in claims():
            is_there = " ".join(claim.split()) in text
            n_missing += not is_there
            print(("  " if is_there else "! ") + claim)
    if n_missing:
        print(f"README.md lacks {n_missing} of these", file=sys.stderr)
    return 1 if n_missing else 0


sys.exit(main())
