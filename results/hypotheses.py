#!/usr/bin/env python3
"""The hypotheses C1 to C8 of the suite `credits` on its published files, apart from the program:
python3 results/hypotheses.py [FOLDER]

Prints the tables of README.md, "What `credits` shows". A hypothesis and its quantities are stated in
suite/configs/suites/credits.toml. Values are means over seeds with 95% percentile intervals of 20,000
resamples of the seeds, or from the lowest to the highest of fewer than five seeds; contrasts are paired
by seed. A cell is empty where nothing is decided or the hypothesis does not apply, and ends in * where the
default `random` gives the other sign. The last column has the exact two-sided sign-flip test over the seeds of
all tasks, of the mean over tasks. The lambda of C3 is the one with the best return in the folder
`credits_lambda`, on other seeds.
"""
import bisect
import collections
import csv
import itertools
import pathlib
import random
import sys

HERE = pathlib.Path(__file__).parent
TASKS = {"predator_prey/5x5": "predator-prey", "switch/2": "switch", "skirmish/3m": "3m"}
SWEEP = ["qmix"] + [f"qmix_gre@lambda={weight}" for weight in ("0.001", "0.01", "0.03", "0.1", "1")]
RESAMPLES = 20000
FEWEST = 5  # seeds for an interval


def rows_of(file):
    with open(file, newline="") as opened:
        return list(csv.DictReader(opened))


def mean(values):
    return sum(values) / len(values)


def interval(values):
    stream = random.Random(1)
    means = sorted(mean(stream.choices(values, k=len(values))) for _ in range(RESAMPLES))
    return means[int(0.025 * RESAMPLES) - 1], means[int(0.975 * RESAMPLES) - 1]


def shown(values, digits=2, sign=False):
    """ "0.31 [0.22, 0.40]", "0.31 (0.22 to 0.40)" of few seeds; "" of none."""
    if not values:
        return ""
    form = lambda value: f"{value:{'+' if sign else ''}.{digits}f}".replace("-0." + "0" * digits, "0." + "0" * digits)
    if len(values) == 1:
        return form(values[0])
    if len(values) < FEWEST:
        return f"{form(mean(values))} ({form(min(values))} to {form(max(values))})"
    low, high = interval(values)
    return f"{form(mean(values))} [{form(low)}, {form(high)}]"


def sign_flip(per_task):
    """p of the mean over tasks of means over seeds, all signs of all seeds enumerated; "" of few seeds."""
    per_task = [values for values in per_task if values]
    if sum(map(len, per_task)) < 2 * FEWEST:
        return ""
    parts = [value / len(values) for values in per_task for value in values]
    half = len(parts) // 2
    sums = [sorted(sum(sign * part for sign, part in zip(signs, some))
                   for signs in itertools.product((1, -1), repeat=len(some))) for some in (parts[:half], parts[half:])]
    least = abs(sum(parts)) - 1e-12
    reached = sum(len(sums[1]) - bisect.bisect_left(sums[1], least - one) + bisect.bisect_right(sums[1], -least - one)
                  for one in sums[0])
    return f"{min(1.0, reached / 2 ** len(parts)):.4f}"


def ranks(values):
    order = sorted(values)
    return [(order.index(value) + len(order) - 1 - order[::-1].index(value)) / 2 for value in values]


def correlation(x, y):
    x_mean, y_mean = mean(x), mean(y)
    xx, yy = sum((a - x_mean) ** 2 for a in x), sum((b - y_mean) ** 2 for b in y)
    xy = sum((a - x_mean) * (b - y_mean) for a, b in zip(x, y))
    return xy / (xx * yy) ** 0.5 if xx and yy else None


def slope(points):
    """Of a least-squares line through (x, y); None where x does not vary."""
    x_mean, y_mean = (mean(values) for values in zip(*points))
    spread = sum((x - x_mean) ** 2 for x, _ in points)
    return sum((x - x_mean) * (y - y_mean) for x, y in points) / spread if spread else None


class Study:
    """Measures by (task, algorithm, seed), of the step game."""

    def __init__(self, folder):
        self.returns, self.steps, self.seeds = {}, {}, collections.defaultdict(list)
        for row in rows_of(folder / "results.csv"):
            if row["status"] != "done":
                continue
            key = row["task"], row["algorithm"], int(row["seed"])
            self.returns[key] = float(row["return_mean"])
            self.steps[key] = int(row["env_steps"])
            self.seeds[key[:2]].append(key[2])
        self.values = {}
        for row in rows_of(folder / "credits.csv"):
            key = row["task"], row["algorithm"], int(row["seed"])
            is_fixed = not row["label"].startswith("step_")
            if key not in self.steps or row["game"] != "step":
                continue
            when = "final" if is_fixed or int(row["t_env"]) == self.steps[key] else int(row["t_env"])
            name = row["learner"], row["signal"], row["measure"]
            self.values[(*key, when, row["default"], *name)] = float(row["value"])
        self.tasks = [task for task in TASKS if any(key[0] == task for key in self.returns)]
        self.algorithms = list(dict.fromkeys(key[1] for key in self.returns))

    def of(self, key, learner, signal, measure, default="idle", when="final"):
        return self.values.get((*key, when, default, learner, signal, measure))

    def account(self, algorithm):
        """The signal that stands for a learner's credits, as in the tables (docs/credits.md)."""
        return {"iql": "first", "coma": "delta"}.get(algorithm, "psi")

    def agreement(self, key, default="idle", when="final"):
        return self.of(key, "mixer", self.account(key[1]), "agreement", default, when)

    def over_seeds(self, task, algorithm, get):
        values = [get((task, algorithm, seed)) for seed in self.seeds[task, algorithm]]
        return [value for value in values if value is not None]

    def paired(self, task, algorithm, baseline, get):
        differences = []
        for seed in self.seeds[task, algorithm]:
            pair = get((task, algorithm, seed)), get((task, baseline, seed))
            if None not in pair:
                differences.append(pair[0] - pair[1])
        return differences

    def mean_return(self, task, algorithm):
        return mean([self.returns[task, algorithm, seed] for seed in self.seeds[task, algorithm]])

    def close_returns(self, task, algorithm, baseline):
        """Within 10% of the baseline's distance from random."""
        a, b, low = (self.mean_return(task, name) for name in (algorithm, baseline, "random"))
        return abs(a - b) <= 0.1 * abs(b - low)


def marked(text, values, others):
    """With * where another default turns the sign."""
    if text and others and mean(values) * mean(others) < 0:
        return text + " *"
    return text


def line(first, cells):
    return f"| {first} | " + " | ".join(cells) + " |"


def per_default(study, first, get, applies=lambda task: ""):
    """A row: get(task, default) under the default `auto`, marked where that under `random` has the other sign, and
    the test over tasks. applies(task): why a task does not count, or None for no word; "" where it does."""
    cells, counted = [], []
    for task in study.tasks:
        if (why := applies(task)) != "":
            cells.append(why or "")
            continue
        values, others = get(task, "idle"), get(task, "random")
        counted.append(values)
        cells.append(marked(shown(values, sign=True), values, others))
    return line(first, [*cells, sign_flip(counted)])


def credit_table(study):
    """Per row and task: the return after training, and the agreement of its credits with the truth."""
    for algorithm in study.algorithms:
        cells = []
        for task in study.tasks:
            agreement = shown(study.over_seeds(task, algorithm, study.agreement))
            score = f"{study.mean_return(task, algorithm):.2f}" if study.seeds[task, algorithm] else ""
            cells.append(", ".join(text for text in (score, agreement) if text))
        yield line(algorithm, cells)


def entropy_table(study):
    """Per task, of QMIX: H of true contributions, of its credits and of its gradients; harmful agents; fit."""
    for task in study.tasks:
        keys = [(task, "qmix", seed) for seed in study.seeds[task, "qmix"]]
        of = lambda *name: [value for key in keys if (value := study.of(key, *name)) is not None]
        yield line(TASKS[task], [shown(values) for values in (
            of("truth", "", "h_phi"), of("mixer", "psi", "h"), of("mixer", "g", "h"),
            of("truth", "", "share_negative"), of("calibration", "", "coalition_r2"))])


def hypotheses(study, best_weights):
    tasks = study.tasks
    above = lambda task: study.mean_return(task, "qmix") > study.mean_return(task, "random")
    contrast = lambda task, name, default: study.paired(
        task, name, "qmix", lambda key: study.agreement(key, default))
    untested = lambda first, get: line(first, [*(get(task) for task in tasks), ""])

    yield per_default(study, "C1: A(qmix)", lambda task, default: study.over_seeds(
        task, "qmix", lambda key: study.agreement(key, default)), lambda task: "" if above(task) else None)
    for name in ("qmix", "vdn", "qmix_simple"):
        yield per_default(study, f"C2: H(psi) - H(phi), {name}", lambda task, default: study.over_seeds(
            task, name, lambda key: study.of(key, "mixer", "psi", "h_minus_truth", default)))
    if best_weights:
        yield untested("C3: lambda with the best return", lambda task: best_weights.get(task, "").split("=")[-1])
        yield per_default(study, "C3: A(gre at that lambda) - A(qmix)", lambda task, default: contrast(
            task, best_weights[task], default), lambda task: "" if task in best_weights else None)
    for name in SWEEP[1:]:
        yield per_default(study, f"C3: A(gre {name.split('=')[1]}) - A(qmix)",
                          lambda task, default: contrast(task, name, default))
    yield per_default(study, "C3: slope of A on H(g)", lambda task, default: slopes(study, task, default))
    for label, signal in (("H(g)", "g"), ("H(psi)", "psi")):
        yield untested(f"C4: {label}, lambda 0.1 less 0", lambda task: shown(study.paired(
            task, SWEEP[4], "qmix", lambda key: study.of(key, "mixer", signal, "h")), sign=True)
            + ("" if study.close_returns(task, SWEEP[4], "qmix") else " (returns differ)"))
    yield per_default(study, "C5: A(psi) - A(g), qmix", lambda task, default: [
        a - b for a, b in ((study.agreement(key, default), study.of(key, "mixer", "g", "agreement", default))
                           for key in ((task, "qmix", seed) for seed in study.seeds[task, "qmix"]))
        if None not in (a, b)])
    yield per_default(study, "C6: A(vdn) - A(qmix)", lambda task, default: contrast(task, "vdn", default),
                      lambda task: "" if study.close_returns(task, "vdn", "qmix") else "returns differ")
    yield untested("C7: harmful agents, qmix", lambda task: shown(study.over_seeds(
        task, "qmix", lambda key: study.of(key, "truth", "", "share_negative")), 3))
    for name, learner, signal in (("qmix", "mixer", "psi"), ("qplex", "mixer", "psi"), ("ow_qmix", "central", "psi"),
                                  ("qtran", "mixer", "delta"), ("coma", "mixer", "delta")):
        yield untested(f"C7: share of them blamed, {name}", lambda task: shown(study.over_seeds(
            task, name, lambda key: study.of(key, learner, signal, "recall_negative"))))
    yield untested("C8: rank correlation of A at half time and the final return", lambda task: halfway(study, task))


def best_weights(folder):
    """Per task the row of the sweep with the best mean return, of a folder of runs for this choice; {} without."""
    if not folder.exists():
        return {}
    returns = collections.defaultdict(lambda: collections.defaultdict(list))
    for row in rows_of(folder / "results.csv"):
        if row["algorithm"] in SWEEP and row["status"] == "done":
            returns[row["task"]][row["algorithm"]].append(float(row["return_mean"]))
    return {task: max(rows, key=lambda name: mean(rows[name])) for task, rows in returns.items()}


def slopes(study, task, default):
    """Per seed: least-squares slope of A on H(g) over the sweep."""
    found = []
    for seed in study.seeds[task, "qmix"]:
        points = [(study.of((task, name, seed), "mixer", "g", "h", default),
                   study.agreement((task, name, seed), default)) for name in SWEEP]
        points = [point for point in points if None not in point]
        if len(points) > 2:
            found.append(slope(points))
    return [value for value in found if value is not None]


def halfway(study, task):
    at_half, finals = [], []
    for key, final in study.returns.items():
        if key[0] != task:
            continue
        middle = [when for *run, when, default, learner, signal, measure in study.values
                  if tuple(run) == key and when != "final" and measure == "agreement"]
        moments = sorted(set(middle), key=lambda when: abs(when - study.steps[key] / 2))
        value = study.agreement(key, when=moments[0]) if moments else None
        if value is not None and abs(moments[0] / study.steps[key] - 0.5) < 0.05:
            at_half.append(value)
            finals.append(final)
    if len(at_half) < 5:
        return ""
    rho = correlation(ranks(at_half), ranks(finals))
    return "" if rho is None else f"{rho:+.2f} ({len(at_half)} runs)"


def lines(folder=HERE / "credits", weights=HERE / "credits_lambda"):
    study = Study(folder)
    yield from entropy_table(study)
    yield from credit_table(study)
    yield from hypotheses(study, best_weights(weights))


if __name__ == "__main__":
    for text in lines(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "credits"):
        print(text)
