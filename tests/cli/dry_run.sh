#!/bin/bash
# credo suite --dry-run: cells with time and memory, the sum over jobs, and nothing written.
# usage: dry_run.sh CREDO
set -u
credo=$(realpath "$1")
# shellcheck source=tests/cli/scratch.sh
. "$(dirname "$0")/scratch.sh"

"$credo" suite smoke --dry-run --out later --jobs 1 >plan || fail "exit code $?"
[ ! -e later ] || fail "a dry run wrote something"
grep -Eq '^two_step/qmix_gre/seed_1 +200 +[0-9.]+ s +[0-9]+ MiB$' plan || fail "no line of a cell"
grep -q '^16 cells, 1,600 environment steps$' plan || fail "no sum of steps"
grep -Eq '^about [0-9.]+ s in sequence, [0-9.]+ s with 1 job; up to [0-9]+ MiB$' plan ||
  fail "no sum of time and memory"
grep -q '^estimated for one core of ' plan || fail "no machine"
"$credo" suite smoke --dry-run --out later --jobs 1 | cmp - plan || fail "another estimate"

# Finished cells take nothing.
"$credo" suite smoke --only vdn --out half --quiet --jobs 2 >/dev/null || fail "half a suite"
"$credo" suite smoke --dry-run --out half >plan || fail "dry run of half a suite"
[ "$(grep -c ' finished' plan)" -eq 5 ] || fail "finished cells: $(cat plan)"
grep -q '; 4 cells are finished$' plan || fail "number of finished cells"
# The same folder with other settings has finished none of these.
"$credo" suite smoke --dry-run --out half --set learner.gamma=0.5 | grep -q finished &&
  fail "cells of another configuration count as finished"

for jobs in 1 3; do
  "$credo" suite smoke --dry-run --out half --jobs $jobs --json >plan.json || fail "JSON"
  python3 - $jobs <<'END' || fail "the sums of --json, $jobs jobs"
import json
import sys
plan = json.load(open("plan.json"))
jobs = int(sys.argv[1])
cells, total = plan["cells"], plan["total"]
assert len(cells) == total["cells"] == 16 and total["jobs"] == jobs
assert total["finished"] == 4 == sum(cell["finished"] for cell in cells)
assert total["steps"] == sum(cell["t_max"] for cell in cells)
todo = [cell for cell in cells if not cell["finished"]]
cpu = sum(cell["estimated_s"] for cell in todo)
assert abs(total["estimated_cpu_s"] - cpu) < 1e-9 * cpu
workers = total["workers"]
assert 1 <= workers <= jobs
assert cpu / workers * 0.999 <= total["estimated_wall_s"] <= cpu * 1.001
assert workers > 1 or abs(total["estimated_wall_s"] - cpu) < 1e-9
most = sorted((cell["estimated_bytes"] for cell in todo), reverse=True)[:jobs]
assert total["estimated_bytes"] > sum(most)
END
done

echo "$failures failures"
[ $failures -eq 0 ]
