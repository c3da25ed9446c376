"""What the tests share. CTest gives the programs; by hand: CREDO_BUILD=build pytest python/tests."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("CREDO_BUILD", ROOT / "build")).resolve()

sys.path.insert(0, str(BUILD / "python"))
for package in ("gymnasium", "pettingzoo"):
    if importlib.util.find_spec(package) is None:
        sys.path.append(str(ROOT / "python/tests/standins"))
        break

import credo  # noqa: E402

ALL_ENVS = credo.list_envs()


def one_of_each_family():
    """The first id of every family, and the maps that differ most from it."""
    seen = {}
    for id in ALL_ENVS:
        seen.setdefault(id.split("/")[0], id)
    return [*seen.values(), "skirmish/2s3z", "skirmish/MMM2"]


FAMILIES = one_of_each_family()


def run_program(*arguments, name="credo"):
    """Output of one of the build's programs."""
    return subprocess.run(
        [str(BUILD / name), *map(str, arguments)], check=True, capture_output=True, text=True
    ).stdout


@pytest.fixture(scope="session")
def two_step_run(tmp_path_factory):
    """A finished run of the program itself."""
    path = tmp_path_factory.mktemp("runs") / "two_step"
    run_program("run", "--env", "two_step", "--alg", "qmix", "--profile", "two_step", "--seed", 3,
                "--t-max", 2000, "--out", path)
    return path


@pytest.fixture(scope="session")
def grid_run(tmp_path_factory):
    """A short run whose agents need their memory and their last actions."""
    path = tmp_path_factory.mktemp("runs") / "switch"
    run_program("run", "--env", "switch/2", "--alg", "vdn", "--seed", 1, "--t-max", 1500,
                "--set", "env.limit=20", "--out", path)
    return path
