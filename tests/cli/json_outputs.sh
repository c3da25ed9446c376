#!/bin/bash
# Every --json output has the fields that programs rely on, with values of the right kind.
# usage: json_outputs.sh CREDO
set -u
credo=$(realpath "$1")
# shellcheck source=tests/cli/scratch.sh
. "$(dirname "$0")/scratch.sh"

cat >read.py <<'P'
"""read.py FILE KIND FIELD:TYPES...: FILE is JSON, KIND is `list` (objects in an array, at least one),
`object`, or the name of a list inside an object. TYPES: i integer, n number, s text, b truth value,
l list, o object, and ? for null."""
import json
import sys

KINDS = {"i": int, "n": (int, float), "s": str, "b": bool, "l": list, "o": dict, "?": type(None)}


def is_of(value, types):
    return any(isinstance(value, KINDS[t]) and (t == "b" or not isinstance(value, bool)) for t in types)


path, kind, *fields = sys.argv[1:]
data = json.load(open(path))
if kind == "object":
    assert isinstance(data, dict), type(data)
    rows = [data]
else:
    rows = data if kind == "list" else data[kind]
    assert isinstance(rows, list) and rows, f"{kind}: {type(rows)}"
for field in fields:
    name, types = field.split(":")
    for row in rows:
        assert name in row, f"no '{name}' in {list(row)}"
        assert is_of(row[name], types), f"'{name}' is {row[name]!r}, not of {types}"
P
# has KIND FIELD:TYPES... -- COMMAND...: what the command prints.
has() {
  local wanted=()
  while [ "$1" != -- ]; do wanted+=("$1"); shift; done
  shift
  "$credo" "$@" --json >out 2>err </dev/null || { fail "$*: exit code $?: $(head -2 err)"; return; }
  also "${wanted[@]}" -- "$*"
}
# also KIND FIELD:TYPES... -- NAME: more of what was printed last.
also() {
  local wanted=()
  while [ "$1" != -- ]; do wanted+=("$1"); shift; done
  python3 read.py out "${wanted[@]}" 2>why || fail "$2: $(tail -1 why)"
}
tiny_suite 0-1 >tiny.toml

has list id:s n_agents:i n_actions:i obs_dim:i state_dim:i episode_limit:i -- list envs
has list name:s learns:b help:s -- list algs
has list name:s help:s -- list profiles
has list name:s help:s envs:l algs:l seeds:l profile:s cells:i -- list suites
has object id:s help:s n_agents:i n_actions:i obs_dim:i state_dim:i episode_limit:i \
  is_stochastic:b -- describe skirmish/3m
evaluation=(env:s policy:s episodes:i seed:i return_mean:n return_std:n? return_se:n? length_mean:n
  win_rate:n? entropy_mean:n? env_steps:i wall_s:n)
has list "${evaluation[@]}" -- eval --policy random --env skirmish/3m --episodes 4
has list "${evaluation[@]}" -- eval --policy random --env two_step --episodes 1
run=(env:s algorithm:s seed:i status:s env_steps:i episodes:i return_mean:n length_mean:n win_rate:n?
  entropy_mean:n? out:s)
short=(--set evaluation.episodes=2 --set learner.batch_size=4 --t-max 40)
has list "${run[@]}" timing:o -- run --env two_step --alg qmix "${short[@]}" --timing --out run
has list "${evaluation[@]}" credit_mean:l -- eval run --episodes 3
has object cells:l total:o -- suite ./tiny.toml --dry-run
also cells cell:s env:s algorithm:s seed:i profile:s t_max:i run_id:s finished:b estimated_s:n \
  estimated_bytes:n work:o -- "suite --dry-run"
rows=(task:s algorithm:s seeds:l n_planned:i measure:s mean:n iqm:n iqm_ci:l? absolute_mean:n? return_mean:n
  win_rate:n? entropy_mean:n? credit_agreement:n? credit_agreement_ci:l? true_entropy:n? status:s)
has list "${rows[@]}" -- suite ./tiny.toml --out suite --jobs 2
has object cells:l resubmit:l afterwards:s -- suite ./tiny.toml --status --out suite
also cells cell:s status:s note:s -- "suite --status"
has list "${rows[@]}" -- report suite
has object tasks:l left_out:l aggregates:l pairs:l -- report suite --aggregate
also aggregates algorithm:s n_runs:i iqm:o median:o mean:o optimality_gap:o -- "report --aggregate"
also pairs x:s y:s probability_of_improvement:o mean_difference:o? p_value:n? n_pairs:i -- "report --aggregate"
has object level:n changes:l lost:l only_new:l overall:l moved:b cannot_tell:b -- compare suite suite
also changes task:s algorithm:s n_pairs:i n_equal:i old_mean:n new_mean:n difference:n ci:l? p_value:n \
  verdict:s moved:b -- "compare"
has list env:s threads:i steps_per_s:n cpu_us:n -- bench env --env two_step
circumstances=(version:s commit:s compiler:s flags:s cpu:s cores:i isa:s load:n)
has object "${circumstances[@]}" updates:l -- bench train --env 3m --threads 1
also updates shape:s threads:i batch:i variant:s ms:n gflop:n gflops:n peak_gflops:n times_floor:n -- "bench train"
has object "${circumstances[@]}" runs:l -- bench run --env two_step --alg vdn --t-max 100
also runs env:s algorithm:s profile:s threads:i steps:i updates:i wall_s:n steps_per_s:n rollout_s:n replay_s:n \
  update_s:n evaluation_s:n other_s:n -- "bench run"

# The parts of a benchmarked run are all of its time.
python3 - <<'P' || fail "bench run: the parts do not make up the time"
import json
for run in json.load(open("out"))["runs"]:
    parts = sum(value for name, value in run.items() if name.endswith("_s") and name != "wall_s" and name != "steps_per_s")
    assert abs(parts - run["wall_s"]) < 1e-6 * run["wall_s"] + 1e-9, (parts, run["wall_s"])
    assert run["steps"] >= 100
P

echo "$failures failures"
[ $failures -eq 0 ]
