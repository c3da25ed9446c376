"""Readers of run folders and results folders."""

import json

import numpy as np
import pytest
from conftest import ROOT

import credo
from credo import analysis


def test_a_run_folder(two_step_run):
    run = analysis.read_run(two_step_run)
    assert run.is_done and run.manifest["algorithm"] == "qmix" and run.config["run"]["seed"] == 3
    lines = [json.loads(line) for line in (two_step_run / "metrics.jsonl").open()]
    assert run.events == lines and "test_return_mean" in run.metrics("eval")
    t, y = run.curve("test_return_mean")
    expected = [e for e in lines if e["event"] in ("eval", "final")]
    assert t.tolist() == [e["t_env"] for e in expected]
    assert y.tolist() == [e["metrics"]["test_return_mean"] for e in expected]
    episodes = run.eval_episodes
    assert episodes["return"].dtype == np.float64 and episodes["length"].dtype == np.int64
    at = episodes["t_env"] == t[0]
    assert episodes["return"][at].mean() == pytest.approx(y[0])
    assert run.policy().algorithm == "qmix"
    with pytest.raises(credo.UserError, match="test_return_mean"):
        run.curve("test_return")
    assert analysis.find_runs(two_step_run.parent)[0] == str(two_step_run)


def test_an_unfinished_run(two_step_run, tmp_path):
    (tmp_path / "manifest.json").write_bytes((two_step_run / "manifest.json").read_bytes())
    (tmp_path / "config.toml").write_bytes((two_step_run / "config.toml").read_bytes())
    assert analysis.read_run(tmp_path).events == []
    text = (two_step_run / "metrics.jsonl").read_text()
    (tmp_path / "metrics.jsonl").write_text(text[:-5])
    assert len(analysis.read_run(tmp_path).events) == text.count("\n") - 1
    (tmp_path / "metrics.jsonl").write_text("nonsense\n")
    with pytest.raises(credo.UserError, match=r"metrics.jsonl:1: not an event"):
        analysis.read_run(tmp_path)
    with pytest.raises(credo.UserError, match="holds no run"):
        analysis.read_run(tmp_path / "elsewhere")


@pytest.mark.parametrize(
    "folder", sorted(str(p.parent.relative_to(ROOT)) for p in ROOT.glob("results/**/results.csv"))
)
def test_every_published_results_folder(folder):
    results = analysis.read_results(ROOT / folder)
    rows = results.results
    assert rows["seed"].dtype == np.int64 and rows["return_mean"].dtype == np.float64
    task, algorithm = rows["task"][0], rows["algorithm"][0]
    assert 0 < len(results.select(task, algorithm)["seed"]) <= len(rows["seed"])
    if not results.curves or not len(results.curves["seed"]):
        return
    task, algorithm = results.curves["task"][0], results.curves["algorithm"][0]
    t, values = results.curve(task, algorithm)
    assert values.shape[1] == len(t) and (np.diff(t) > 0).all()


def test_tables_and_frames(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('a,b,c\n1,,"x, y"\n2,0.5,z\n')
    table = analysis.read_table(path)
    assert table["a"].tolist() == [1.0, 2.0] and np.isnan(table["b"][0]) and table["b"][1] == 0.5
    assert table["c"].tolist() == ["x, y", "z"]
    path.write_text("a,b\n1\n")
    with pytest.raises(credo.UserError, match="a.csv:2: 1 fields"):
        analysis.read_table(path)
    pandas = pytest.importorskip("pandas", reason="python3-pandas is not installed")
    assert isinstance(analysis.to_frame(table), pandas.DataFrame)
