#!/bin/bash
# credo verify --rerun: finished runs again, byte by byte; and what it says when they differ.
# usage: rerun.sh CREDO
set -u
credo=$(realpath "$1")
# shellcheck source=tests/cli/scratch.sh
. "$(dirname "$0")/scratch.sh"

"$credo" suite smoke --out suite --jobs 2 --quiet >/dev/null || fail "suite"
cp -r suite kept

# Some, some by name, all; every thread count gives the same bytes.
expect 0 "^3 runs repeated, 0 different" verify suite --rerun 3 --threads 2 --quiet
expect 0 "^equal      two_step/vdn/seed_1  5 files" verify suite --rerun 'two_step/vdn' --quiet
grep -q "^2 runs repeated" out || fail "a pattern: $(cat out)"
expect 0 "^16 runs repeated" verify suite --rerun 99 --rerun vdn --quiet
expect 0 "^1 runs repeated" verify suite/runs/two_step/qmix_gre/seed_0 --rerun 1 --quiet
diff -r suite kept || fail "verify changed what it verified"

# Published tables keep what this needs, also through a second merge.
"$credo" report suite --out published --quiet >/dev/null || fail "report"
"$credo" report published --out twice --quiet >/dev/null || fail "report of published tables"
cmp published/runs.json twice/runs.json || fail "the records changed"
expect 0 "^equal      matrix/climbing/qmix_gre/seed_1  5 files" \
  verify twice --rerun 2 --rerun 'matrix/climbing/qmix_gre/seed_1' --quiet
expect 0 "^4 runs repeated, 0 different" verify published --rerun vdn --quiet
expect 2 "matches none of the 16 finished runs" verify published --rerun qmixx
hash=$(grep -m1 -o '"metrics.jsonl": "[0-9a-f]*"' twice/runs.json | cut -d'"' -f4)
sed -i "s/$hash/${hash//[0-7]/8}/" twice/runs.json
expect 3 "^mismatch.*runs.json: changed" verify twice --rerun 1 --quiet
grep -q "^different  .*seed_0  metrics.jsonl: differs$" out || fail "a changed record: $(cat out)"
sed -i 's/"sha256"/"sha257"/' twice/runs.json
expect 2 "runs.json: damaged" verify twice --rerun 1
rm twice/runs.json
expect 2 "no finished runs here, and no runs.json" verify twice --rerun 1

# The scratch folder stays when it is named.
expect 0 "^equal" verify suite --rerun matrix/climbing/vdn/seed_0 --scratch again --quiet
cmp suite/runs/matrix/climbing/vdn/seed_0/metrics.jsonl again/matrix/climbing/vdn/seed_0/metrics.jsonl ||
  fail "the scratch folder does not hold the run"
expect 2 "not an empty folder" verify suite --rerun 1 --scratch again

# A result that was changed together with its hash is found by running it again, and only so.
run=suite/runs/two_step/vdn/seed_0
sed -i '2s/"t_env":/"t_env":1/' $run/metrics.jsonl
hash=$(sha256sum $run/metrics.jsonl | cut -d' ' -f1)
sed -i "s/\"metrics.jsonl\": \"[0-9a-f]*\"/\"metrics.jsonl\": \"$hash\"/" $run/manifest.json
expect 0 "0 mismatches" verify suite
expect 3 "^different  two_step/vdn/seed_0  metrics.jsonl: line 2 differs$" \
  verify suite --rerun two_step/vdn --quiet
grep -q "^2 runs repeated, 1 different$" out || fail "counts: $(cat out)"
# With an old hash it is a mismatch besides.
sed -i '3s/"t_env":/"t_env":1/' $run/metrics.jsonl
expect 3 "^mismatch.*metrics.jsonl: changed" verify suite --rerun two_step/vdn/seed_0 --quiet

rm -r $run && cp -r ${run/suite/kept} $run

# A configuration this program refuses differs; it does not end the others.
run=suite/runs/two_step/random/seed_0
sed -i 's/^episodes = 8/episodes = -8/' $run/config.toml
hash=$(sha256sum $run/config.toml | cut -d' ' -f1)
sed -i "s/\"config.toml\": \"[0-9a-f]*\"/\"config.toml\": \"$hash\"/; s/\"run_id\": \"[0-9a-f]*\"/\"run_id\": \"$hash\"/" \
  $run/manifest.json
expect 3 "^different  two_step/random/seed_0  .*evaluation.episodes" \
  verify suite/runs/two_step --rerun random --quiet
grep -q "^equal      two_step/random/seed_1" out || fail "the others: $(cat out)"

expect 2 "at least 1" verify kept --rerun 0
expect 2 "matches none of the 16 finished runs" verify kept --rerun qmixx
expect 2 "can only be used with --rerun" verify kept --scratch x

echo "$failures failures"
[ $failures -eq 0 ]
