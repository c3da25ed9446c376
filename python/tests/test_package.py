"""Stubs, metadata, installation, command line."""

import ast
import base64
import csv
import hashlib
import importlib.metadata
import json
import os
import subprocess
import sys
import zipfile

import pytest
from conftest import BUILD, ROOT

import credo
import credo._credo as native
from credo import bench


def test_stubs_name_what_the_module_has():
    tree = ast.parse((ROOT / "python/credo/_credo.pyi").read_text())
    stubs = {
        node.name: node
        for node in tree.body
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and not node.name.startswith("_")
    }
    assert set(stubs) == {name for name in dir(native) if not name.startswith("_")}
    special = {"__init__", "__enter__", "__exit__", "__copy__", "__deepcopy__", "__len__"}
    for name, node in stubs.items():
        actual = getattr(native, name)
        if not isinstance(node, ast.ClassDef) or issubclass(actual, Exception):
            continue
        stubbed = {child.name for child in node.body if isinstance(child, ast.FunctionDef)}
        own = {n for n in vars(actual) if not n.startswith("_") or n in special}
        own -= {"__init__"} if name == "EnvSpec" else set()  # which nobody can make
        assert stubbed == own, name
        for child in node.body:
            is_property = any(getattr(d, "id", "") == "property" for d in child.decorator_list)
            assert is_property == isinstance(vars(actual)[child.name], property), child.name
    assert (BUILD / "python/credo/py.typed").exists()


def test_what_the_package_offers():
    assert all(hasattr(credo, name) for name in credo.__all__)
    assert set(credo.__all__) < set(dir(credo)) and credo.analysis.read_run
    with pytest.raises(AttributeError, match="no attribute 'mkae'"):
        credo.mkae
    assert credo.build_info()["version"] == credo.__version__


def python(*arguments, path):
    """Output of a fresh interpreter that knows only `path`."""
    return subprocess.run(
        [sys.executable, "-B", *map(str, arguments)], check=True, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(path)},
    ).stdout


USE = "import credo, importlib.metadata as m; e = credo.make('two_step'); e.reset(0); " \
      "print(m.version('credo-marl'), e.step([0, 0]))"  # fmt: skip


def test_the_build_tree_is_a_package():
    assert python("-c", USE, path=BUILD / "python").startswith(credo.__version__)
    about = importlib.metadata.metadata("credo-marl")
    assert about["Version"] == credo.__version__ and about["Requires-Python"] == ">=3.9"
    assert "numpy>=1.22" in about.get_all("Requires-Dist")
    assert set(about.get_all("Provides-Extra")) == {"pettingzoo", "gymnasium", "analysis"}


def test_a_wheel_without_an_index(tmp_path):
    wheel = python(ROOT / "python/wheel.py", BUILD / "python", credo.__version__, "--out",
                   tmp_path / "dist", path="").strip()
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        assert archive.testzip() is None
        archive.extractall(site)
    record = next(site.glob("*.dist-info/RECORD"))
    rows = list(csv.reader(record.read_text().splitlines()))
    assert {row[0] for row in rows} == {
        str(p.relative_to(site)) for p in site.rglob("*") if p.is_file()
    }
    for name, digest, size in rows:
        if digest:
            data = (site / name).read_bytes()
            expected = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            assert digest == f"sha256={expected}" and int(size) == len(data)
    tag = (record.parent / "WHEEL").read_text().split("Tag: ")[1].strip()
    assert wheel.endswith(f"-{tag}.whl")
    assert python("-c", USE, path=site).startswith(credo.__version__)


def test_pip_installs_the_wheel_without_an_index(tmp_path):
    pytest.importorskip("ensurepip", reason="python3-venv is not installed")
    wheel = python(ROOT / "python/wheel.py", BUILD / "python", credo.__version__, "--out",
                   tmp_path / "dist", path="").strip()
    # NumPy comes from the system, everything else from the wheel.
    venv = tmp_path / "venv"
    python("-m", "venv", "--system-site-packages", venv, path="")

    def run(name, *arguments):
        return subprocess.run(
            [str(venv / "bin" / name), *arguments], check=True, capture_output=True, text=True,
            cwd=tmp_path, env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
        ).stdout  # fmt: skip

    run("python", "-m", "pip", "install", "--no-index", "--disable-pip-version-check", wheel)
    assert run("python", "-c", USE).startswith(credo.__version__)
    shown = run("python", "-m", "pip", "show", "--files", "credo-marl")
    assert "License: MIT" in shown and "credo/py.typed" in shown and "LICENSE" in shown
    assert run("credo-python", "bench", "--env", "two_step", "--seconds", "0.01", "--repeats", "1",
               "--threads", "1").startswith("env ")
    run("python", "-m", "pip", "uninstall", "--yes", "credo-marl")
    assert not list(venv.rglob("*credo*"))


def test_mypy_knows_the_types(tmp_path):
    api = pytest.importorskip("mypy.api", reason="mypy is not installed")
    (tmp_path / "use.py").write_text(
        "import credo\n"
        "from credo import analysis\n"
        "env = credo.make('two_step', limit=3)\n"
        "reveal_type(env)\n"
        "reveal_type(env.step([0, 0]))\n"
        "reveal_type(credo.VecEnv('two_step', 4).obs)\n"
        "reveal_type(credo.load_run('x'))\n"
        "reveal_type(credo.Trainer('two_step').run('x'))\n"
        "reveal_type(analysis.read_run('x').curve('y'))\n"
        "env.step(1, 2)\n"
        "env.sample_actions('a')\n"
        "credo.VecEnv()\n"
    )
    os.environ["MYPYPATH"] = str(BUILD / "python")
    try:
        out, _, _ = api.run(["--cache-dir", str(tmp_path / "cache"), "--ignore-missing-imports",
                             str(tmp_path / "use.py")])
    finally:
        del os.environ["MYPYPATH"]
    lines = [line.split(": ", 1)[1] for line in out.splitlines() if line.startswith(str(tmp_path))]
    types = [line.split('"')[1] for line in lines if line.startswith("note: Revealed")]
    assert types[0] == "credo._credo.Env" and types[1].count("bool") == 2
    assert "32Bit" in types[2] and types[3] == "credo.policy.Policy" and "dict" in types[4]
    assert types[5].count("ndarray") == 2 and len(types) == 6
    assert sum(line.startswith("error") for line in lines) == 3


def test_cmake_installs_it(tmp_path):
    subprocess.run(["cmake", "--install", BUILD, "--component", "python", "--prefix", tmp_path],
                   check=True, capture_output=True)
    site = tmp_path / f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    assert python("-c", USE, path=site).startswith(credo.__version__)
    assert not (tmp_path / "bin").exists()


def test_the_metadata_is_that_of_pyproject():
    tomllib = pytest.importorskip("tomllib")
    file = tomllib.loads((ROOT / "python/pyproject.toml").read_text())
    assert file["build-system"]["build-backend"] == "scikit_build_core.build"
    about = importlib.metadata.metadata("credo-marl")
    assert about["Name"] == file["project"]["name"]
    assert about["Summary"] == file["project"]["description"]
    import re

    rule = file["tool"]["scikit-build"]["metadata"]["version"]
    text = (ROOT / "python" / rule["input"]).read_text()
    assert re.search(rule["regex"], text)["value"] == credo.__version__


def test_bench_prints_a_table(capsys):
    short = ["--seconds", "0.01", "--repeats", "1", "--env", "two_step"]
    assert bench.main([*short, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["case"] for row in rows} >= {"Env", "VecEnv x256", "PettingZoo dicts"}
    assert all(row["steps_per_s"] > 0 and row["cpu_us"] > 0 for row in rows)
    assert bench.main([*short, "--threads", "1", "--program", str(BUILD / "credo")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[-2:] == ["program", "ratio"]
    cpu, program, ratio = map(float, lines[1].split()[-3:])
    assert ratio > 0 and abs(ratio - cpu / program) < 0.1 * ratio + 0.01
    assert bench.main(["--env", "two_stepp"]) == 2
    assert "did you mean 'two_step'" in capsys.readouterr().err
    out = python("-m", "credo", "bench", *short, path=BUILD / "python")
    assert out.startswith("env ")
