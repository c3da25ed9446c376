#!/bin/bash
# Credits from the command line: the same files for any number of threads and after a stop, suites from plan to
# report, the twin of a network, the replay page, and wrong inputs as one line each.
# usage: credits.sh CREDO
set -u
credo=$(realpath "$1")
# shellcheck source=tests/cli/scratch.sh
. "$(dirname "$0")/scratch.sh"

# refuse WORDS ARGUMENTS...: exit code 2, one line on stderr that has the words.
refuse() {
  local words=$1
  shift
  "$credo" "$@" >out 2>err
  local code=$?
  [ $code -eq 2 ] && [ "$(wc -l <err)" -eq 1 ] && grep -qF -- "$words" err && [ ! -s out ] ||
    fail "$*: exit code $code, no '$words': $(cat out err)"
}

small=(--set learner.batch_size=4 --set agent.hidden_dim=8 --set evaluation.episodes=2 --quiet)
"$credo" run --env predator_prey/5x5 --alg qmix --t-max 600 --set env.limit=12 "${small[@]}" \
  --set run.keep_weights=0,50% --out pp >/dev/null || fail "run"
few=(--states 12 --episodes 6 --branches 32:64)

# Files do not depend on threads, nor on a stop on the way.
for threads in 1 2; do
  "$credo" credits pp "${few[@]}" --checkpoint all --threads $threads --out by$threads >/dev/null 2>&1 ||
    fail "credits with $threads threads"
done
diff -r by1 by2 >/dev/null || fail "other files with two threads: $(diff -rq by1 by2)"
[ "$(find by1 -name '*.json' | wc -l)" -eq 4 ] || fail "three checkpoints: $(ls by1)"
"$credo" credits pp --states 4000 --episodes 2000 --branches 8192:8192 --out stopped >/dev/null 2>err &
sleep 2
kill -INT $!
wait $!
code=$?
[ $code -eq 75 ] || fail "SIGINT: exit code $code: $(cat err)"

# Killed at several moments, the same command goes on; the last time with two threads.
many=(--states 400 --episodes 100 --branches 8192:8192)
began=$(date +%s%N)
"$credo" credits pp "${many[@]}" --threads 1 --out straight >/dev/null 2>&1 || fail "credits"
took_ms=$((($(date +%s%N) - began) / 1000000))
for percent in 15 40 60; do
  ms=$((took_ms * percent / 100))
  { timeout -s KILL "$((ms / 1000)).$(printf %03d $((ms % 1000)))" "$credo" credits pp "${many[@]}" \
    --threads 1 --out killed_credits; } >/dev/null 2>&1
  [ $? -eq 137 ] || fail "credits was not killed after $ms ms"
done
"$credo" credits pp "${many[@]}" --threads 2 --out killed_credits >/dev/null 2>err || fail "after kills: $(cat err)"
grep -q "going on after" err || fail "started again after kills: $(cat err)"
diff -r straight killed_credits >/dev/null || fail "other files after kills: $(diff -rq straight killed_credits)"

# A suite, from its plan to the tables; stopped and gone on with; the same bytes.
cat >tiny.toml <<'END'
envs = ["predator_prey/5x5", "two_step"]
algs = ["random", "vdn", "qmix"]
seeds = "0-1"
run.t_max = 400
run.keep_weights = "0,50%"
learner.batch_size = 4
agent.hidden_dim = 8
evaluation.episodes = 2
evaluation.interval = 200
[credits]
checkpoints = "kept,best,final"
states = 12
episodes = 6
branches = "32:64"
[when."predator_prey/*"]
env.limit = 12
END
expect 0 "then 36 measurements of credits" suite ./tiny.toml --dry-run
"$credo" suite ./tiny.toml --out one --jobs 1 --quiet >one.md 2>/dev/null || fail "suite"
"$credo" suite ./tiny.toml --out two --jobs 2 --quiet >two.md 2>/dev/null || fail "suite with two jobs"
cmp one.md two.md || fail "other tables with two jobs"
cmp one/credits.csv two/credits.csv || fail "other credits with two jobs"
for kill_after in 0.3 0.7 1.2; do
  { timeout -s KILL $kill_after "$credo" suite ./tiny.toml --out killed --jobs 2 --quiet; } >/dev/null 2>&1
done
"$credo" suite ./tiny.toml --out killed --jobs 2 --quiet >/dev/null 2>err || fail "resumed suite: $(cat err)"
cmp one/credits.csv killed/credits.csv || fail "other credits after kills"
grep -q "credit A" one.md && grep -q "true H" one.md || fail "no columns in: $(cat one.md)"
expect 0 "true_entropy" report one --format csv
expect 0 "true H" report one --format latex
expect 0 "0 mismatches" verify one
mkdir merged && "$credo" report one --out merged >/dev/null || fail "report --out"
cmp one/credits.csv merged/credits.csv || fail "other credits without the runs"
"$credo" report one --format html --out one.html || fail "page"
"$credo" report merged --format html --out merged.html || fail "page without the runs"
grep -q '"credits":{' one.html && grep -q '"credits":{' merged.html || fail "no credits in the page"
echo x >>one/runs/predator_prey/5x5/qmix/seed_0/credits/best.step.idle.states.csv
expect 3 "best.step.idle.states.csv: changed" verify one

# The twin: as many states with the same actions as there are states, another H.
"$credo" credits pp "${few[@]}" --twin 64 --json --out twin >twin.json 2>err || fail "--twin: $(cat err)"
python3 - <<'END' || fail "the twin: $(cat twin.json)"
import json
plain, twin = json.load(open("twin.json"))
h = lambda one, signal: next(m["value"] for e in one["learned"] if e["signal"] == signal
                             for m in e["measures"] if m["measure"] == "h")
assert twin["twin"]["same_actions"] == plain["states"], twin["twin"]
assert twin["twin"]["q_tot_difference"] < 1e-4, twin["twin"]
assert h(plain, "g") - h(twin, "g") > 0.2 and abs(h(plain, "psi") - h(twin, "psi")) < 1e-3
END
[ -s twin/step_*_twin.safetensors ] || fail "no weights of the twin"

# The replay page with credits; a log has no policy.
"$credo" replay pp --html credits.html --credits >/dev/null 2>err || fail "replay --credits: $(cat err)"
grep -q '"credits":{"default":"idle","account":"psi"' credits.html || fail "no credits on the replay page"
"$credo" replay pp --log pp.replay --html plain.html >/dev/null || fail "replay"
grep -q '"credits":' plain.html && fail "credits on a page without --credits"
refuse "a replay log holds actions and no policy" replay pp.replay --html x.html --credits
refuse "add --html" replay pp --credits

# Wrong inputs.
printf 'actions = [3]\npayoff = [1, 2, 3]\n' >alone.toml
refuse "one agent: there is no credit to share" credits --env matrix/custom --policy random \
  --set env.payoff_file=alone.toml
refuse "'scripted:focus'" credits --env skirmish/3m --policy scripted:fcus
refuse "scripted" credits --env two_step --policy scripted:focus
refuse "gives its orders inside the environment" credits --env skirmish/3m --policy scripted:heuristic_ai
refuse "no agent acts" credits --env switch/2 --policy noop
refuse "has no idle action" credits --env two_step --policy random --default idle
refuse "unknown default" credits --env switch/2 --policy random --default jump
refuse "a file holds no policy" credits pp.replay
refuse "holds no run" credits .
refuse "unknown checkpoint" credits pp --checkpoint step_7
refuse "--gamma '2'; allowed" credits pp --gamma 2
refuse "--branches '9:3'" credits pp --branches 9:3
refuse "--twin '1'; allowed" credits pp --twin 1
refuse "an empty name" credits ""
refuse "--out: no folder" credits pp --out ""
refuse "does not pay for one state" credits pp --budget 5
for folder in pp one; do  # of a run, of a suite
  cp $folder/manifest.json before
  refuse "not the manifest of a folder of credits" credits pp "${few[@]}" --out $folder
  cmp before $folder/manifest.json || fail "credits wrote over the manifest of $folder"
done
mkdir -p blocked/best.step.idle.json
refuse "a folder, where a file would be written" credits pp --checkpoint best "${few[@]}" --out blocked
refuse "--twin needs a learner" credits --env switch/2 --policy random --twin 2
last=$(basename pp/checkpoints/step_6*.safetensors)
cp -r pp damaged && head -c 500 "pp/checkpoints/$last" >"damaged/checkpoints/$last"
refuse "damaged weights" credits damaged
"$credo" run --env switch/2 --alg qmix --t-max 300 "${small[@]}" --out other >/dev/null || fail "run"
cp "$(ls other/checkpoints/step_*.safetensors | tail -1)" foreign.safetensors
cp -r pp foreign && cp foreign.safetensors "foreign/checkpoints/$last"
refuse "damaged weights" credits foreign
sed 's/states = 12/state = 12/' tiny.toml >bad.toml
refuse "bad.toml:12" suite ./bad.toml --out bad
sed 's/algs = .*/algs = ["noop"]/' tiny.toml >bad.toml
refuse 'checkpoints = "" in [when."predator_prey/5x5".alg."noop".credits]' suite ./bad.toml --out bad
[ -e bad ] && fail "a refused suite left a folder"
echo "$failures failures"
[ $failures -eq 0 ]
