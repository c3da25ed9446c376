#!/bin/bash
# Runs whose replay does not fit into memory are refused before they start. usage: memory.sh CREDO
set -u
credo=$(realpath "$1")
# shellcheck source=tests/cli/scratch.sh
. "$(dirname "$0")/scratch.sh"

# KiB that the process may map: enough for the program, not for the replay of a large battle (7 GiB).
limit=2500000
long=(--env skirmish/27m_vs_30m --alg qmix --t-max 2000000 --progress none)
(ulimit -v $limit && "$credo" run "${long[@]}" --threads 1 --out big) >out 2>err
[ $? -eq 2 ] || fail "exit code of a run that does not fit: $(cat err)"
grep -q 'not enough memory: skirmish/27m_vs_30m with qmix needs about [0-9.]* GiB' err || fail "no number: $(cat err)"
grep -q 'ulimit -v' err || fail "does not say what limits it: $(cat err)"
grep -q 'lower replay.capacity (5000 now; at most about [0-9]*)' err || fail "no advice: $(cat err)"
[ ! -e big ] || fail "a refused run wrote something"

cat >two.toml <<'T'
envs = ["skirmish/27m_vs_30m"]
algs = ["qmix", "vdn"]
seeds = "0"
run.t_max = 2000000
T
(ulimit -v $limit && "$credo" suite ./two.toml --jobs 2 --threads 1 --progress none --out both) >out 2>err
[ $? -eq 2 ] || fail "exit code of a suite that does not fit: $(cat err)"
grep -q '2 cells at a time' err || fail "does not count the jobs: $(cat err)"
grep -q 'lower --jobs or replay.capacity' err || fail "no advice for jobs: $(cat err)"
[ ! -e both ] || fail "a refused suite wrote something"

# What fits runs as ever.
(ulimit -v $limit && "$credo" run --env two_step --alg vdn --t-max 50 --set learner.batch_size=4 \
  --set evaluation.episodes=2 --progress none --threads 1 --out small) >out 2>err || fail "a small run: $(cat err)"

echo "$failures failures"
[ $failures -eq 0 ]
