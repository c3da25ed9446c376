#!/bin/bash
# The content of files counts: runs whose payoff file, map or initial weights changed are others, and
# run folders keep what they need.
# usage: inputs.sh CREDO
set -u
credo=$(realpath "$1")
# shellcheck source=tests/cli/scratch.sh
. "$(dirname "$0")/scratch.sh"

fixed=1 # texts, no patterns
payoff() { printf 'actions = [2, 2]\npayoff = [[%s, 0], [0, 2]]\n' "$1" >payoff.toml; }

# A suite: the same content goes on, another is refused and nothing is overwritten.
cat >mine.toml <<'END'
algs = ["scripted", "vdn"]
envs = ["matrix/custom"]
seeds = "0"
env.payoff_file = "payoff.toml"
run.t_max = 100
learner.batch_size = 4
run.keep_state = true
END
payoff 5
expect 0 "5.00" suite ./mine.toml --out suite --jobs 1 --quiet
expect 0 "5.00" suite ./mine.toml --out suite --jobs 1 --quiet
payoff 9
expect 2 "another configuration (the content of env.payoff_file" suite ./mine.toml --out suite --quiet
expect 0 "5.00" report suite

# From anywhere: another folder to stand in, the original gone, the results moved.
mkdir elsewhere
mv suite elsewhere/moved
rm payoff.toml
cd elsewhere || exit 1
run=moved/runs/matrix/custom/vdn/seed_0
expect 0 "mean return 5.0000" eval moved/runs/matrix/custom/scripted/seed_0 --episodes 2
expect 0 "matrix/custom vdn" eval $run --episodes 2
expect 0 "return 5" replay moved/runs/matrix/custom/scripted/seed_0 --log five.replay
expect 0 "2 runs repeated, 0 different" verify moved --rerun 9 --quiet
expect 0 "" run --config $run/config.toml --out again --quiet
cmp $run/config.toml again/config.toml || fail "--config gave another configuration"
expect 0 "" resume $run --t-max 200 --out longer --quiet
grep -q "\"parent\": \"$(sha256sum <$run/config.toml | cut -d' ' -f1)\"" longer/manifest.json ||
  fail "no parent: $(cat longer/manifest.json)"
expect 0 "mismatches" verify longer --rerun 1 --quiet
grep -q "0 different" out || fail "an extended run is not the straight one: $(cat out)"

# A copy that was changed is noticed.
sed 's/5/9/' $run/inputs/env.payoff_file >other && cp other $run/inputs/env.payoff_file
expect 2 "inputs/env.payoff_file: changed since the run began" eval $run
expect 3 "inputs/env.payoff_file: changed" verify moved
rm -r moved
expect 0 "return 5" replay five.replay
echo "$failures failures"
[ $failures -eq 0 ]
