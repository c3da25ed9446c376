"""Run folders and results folders as NumPy arrays, and as pandas frames where pandas is installed.

    from credo import analysis
    run = analysis.read_run("runs/pp")
    t, y = run.curve("test_return_mean")
    rows = analysis.read_results("results/quick").results["return_mean"]

The formats are those of docs/file-formats.md.
"""

from __future__ import annotations

import csv
import json
import os
from dataclasses import dataclass, field

import numpy as np

from . import _credo

try:
    import tomllib
except ImportError:  # Python 3.10 and before
    tomllib = None


def _read(path):
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return file.read()
    except OSError as error:
        raise _credo.UserError(f"{path}: {error.strerror}") from None


_INTEGERS = frozenset(
    ("t_env", "episode", "seed", "length", "env_steps", "episodes", "updates", "eval_episodes")
)


def _column(name, texts):
    """int64 for counters, float64 for other numbers (an empty field is NaN), else texts."""
    try:
        if name in _INTEGERS and "" not in texts:
            return np.array([int(t) for t in texts], np.int64)
        return np.array([float(t) if t else np.nan for t in texts], np.float64)
    except (ValueError, OverflowError):
        return np.array(texts, dtype=str)


def read_table(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """The columns of a CSV file: {name: array}."""
    rows = list(csv.reader(_read(path).splitlines()))
    if not rows:
        raise _credo.UserError(f"{path}: empty; a line of column names expected")
    header, rows = rows[0], rows[1:]
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise _credo.UserError(
                f"{path}:{number}: {len(row)} fields; {len(header)} columns expected"
            )
    return {name: _column(name, [row[i] for row in rows]) for i, name in enumerate(header)}


def to_frame(columns):
    """A pandas DataFrame of a table's columns."""
    try:
        import pandas
    except ImportError as error:
        raise ImportError(f"credo.analysis.to_frame needs pandas ({error})") from error
    return pandas.DataFrame(columns)


@dataclass
class Run:
    """One run folder."""

    path: str
    manifest: dict
    config: dict  # section -> key -> value; {} where Python has no tomllib (3.10 and before)
    events: list = field(repr=False)  # the lines of metrics.jsonl as dictionaries
    eval_episodes: dict = field(repr=False)  # columns: t_env, episode, seed, return, length, won

    @property
    def is_done(self) -> bool:
        return self.manifest["status"] == "done"

    def metrics(self, event: str | None = None) -> list[str]:
        """Names of all metrics, of one kind of event ("train", "eval", "final", ...) or of all."""
        names = {}
        for line in self.events:
            if event is None or line["event"] == event:
                names.update(dict.fromkeys(line["metrics"]))
        return list(names)

    def curve(
        self, metric: str, events: str | tuple[str, ...] = ("eval", "final")
    ) -> tuple[np.ndarray, np.ndarray]:
        """(t_env, value) arrays of a metric; a value that was not finite is NaN."""
        if isinstance(events, str):
            events = (events,)
        points = [
            (line["t_env"], line["metrics"][metric])
            for line in self.events
            if line["event"] in events and metric in line["metrics"]
        ]
        if not points:
            known = ", ".join(self.metrics()) or "none yet"
            raise _credo.UserError(f"{self.path}: no metric '{metric}' in {events}; there: {known}")
        t_env = np.array([t for t, _ in points], np.int64)
        return t_env, np.array([np.nan if v is None else v for _, v in points], np.float64)

    def policy(self, checkpoint=""):
        """The trained policy, as credo.load_run gives it."""
        from .policy import load_run

        return load_run(self.path, checkpoint)


def read_run(path: str | os.PathLike[str]) -> Run:
    """A run folder, finished or not."""
    path = os.fspath(path)
    name = os.path.join(path, "manifest.json")
    if not os.path.exists(name):
        raise _credo.UserError(f"{path} holds no run (there is no manifest.json)")
    try:
        manifest = json.loads(_read(name))
    except json.JSONDecodeError as error:
        raise _credo.UserError(f"{name}: damaged: {error}") from None
    if manifest.get("schema") != "credo.run":
        raise _credo.UserError(f"{name}: not the manifest of a run")
    config = tomllib.loads(_read(os.path.join(path, "config.toml"))) if tomllib else {}
    return Run(path, manifest, config, _read_events(path), _read_episodes(path))


def _read_events(path):
    name = os.path.join(path, "metrics.jsonl")
    if not os.path.exists(name):
        return []
    events = []
    for number, line in enumerate(_read(name).splitlines(keepends=True), start=1):
        if not line.endswith("\n"):  # cut off when the writer was killed
            break
        try:
            events.append(json.loads(line))
        except json.JSONDecodeError as error:
            raise _credo.UserError(f"{name}:{number}: not an event: {error}") from None
    return events


def _read_episodes(path):
    name = os.path.join(path, "eval_episodes.csv")
    return read_table(name) if os.path.exists(name) else {}


@dataclass
class Results:
    """A results folder: what a suite published, or the suite's own folder."""

    path: str
    manifest: dict
    results: dict = field(repr=False)  # columns of results.csv, one row per run
    curves: dict = field(repr=False)  # columns of curves.csv, one row per evaluation

    def select(
        self, task: str | None = None, algorithm: str | None = None, table: str = "results"
    ) -> dict[str, np.ndarray]:
        """The rows of a table for one task and/or algorithm, as columns."""
        columns = getattr(self, table)
        keep = np.ones(len(next(iter(columns.values()), [])), bool)
        for name, wanted in (("task", task), ("algorithm", algorithm)):
            if wanted is not None:
                keep &= columns[name] == wanted
        return {name: values[keep] for name, values in columns.items()}

    def curve(
        self, task: str, algorithm: str, value: str = "return_mean"
    ) -> tuple[np.ndarray, np.ndarray]:
        """(t_env [T], values [seeds, T]): the evaluations that all seeds have in common."""
        rows = self.select(task, algorithm, "curves")
        seeds = np.unique(rows["seed"])
        if not len(seeds):
            raise _credo.UserError(f"{self.path}: no curve of '{algorithm}' on '{task}'")
        by_seed = []
        for seed in seeds:
            mine = rows["seed"] == seed
            by_seed.append(dict(zip(rows["t_env"][mine], rows[value][mine])))
        common = sorted(set.intersection(*(set(points) for points in by_seed)))
        values = np.array([[points[t] for t in common] for points in by_seed], np.float64)
        return np.array(common, np.int64), values


def read_results(path: str | os.PathLike[str]) -> Results:
    """A folder with results.csv and curves.csv."""
    path = os.fspath(path)
    name = os.path.join(path, "results.csv")
    if not os.path.exists(name):
        raise _credo.UserError(f"{path} holds no results (there is no results.csv)")
    manifest = os.path.join(path, "manifest.json")
    curves = os.path.join(path, "curves.csv")
    return Results(
        path,
        json.loads(_read(manifest)) if os.path.exists(manifest) else {},
        read_table(name),
        read_table(curves) if os.path.exists(curves) else {},
    )


def find_runs(path: str | os.PathLike[str]) -> list[str]:
    """The paths of all run folders below `path`, sorted."""
    found = []
    for folder, subfolders, files in os.walk(os.fspath(path)):
        subfolders.sort()
        if "manifest.json" in files and "config.toml" in files:
            found.append(folder)
            subfolders.clear()
    return found
