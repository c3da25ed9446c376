#!/bin/bash
# Credits from the command line: the same files for any number of threads, hashes, the twin of a network, the
# replay page, and wrong inputs as one line each.
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

# verify knows the files.
cp -r by1 pp/credits
expect 0 "0 mismatches" verify pp
echo x >>"$(find pp/credits -name 'step_0.step.idle.states.csv')"
expect 3 "step_0.step.idle.states.csv: changed" verify pp
rm -r pp/credits

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
refuse "unknown --default" credits --env switch/2 --policy random --default jump
refuse "a file holds no policy" credits pp.replay
refuse "holds no run" credits .
refuse "unknown checkpoint" credits pp --checkpoint step_7
refuse "--gamma '2'; allowed" credits pp --gamma 2
refuse "--branches '9:3'" credits pp --branches 9:3
refuse "--twin '1'; allowed" credits pp --twin 1
refuse "--twin needs a learner" credits --env switch/2 --policy random --twin 2
last=$(basename pp/checkpoints/step_6*.safetensors)
cp -r pp damaged && head -c 500 "pp/checkpoints/$last" >"damaged/checkpoints/$last"
refuse "damaged weights" credits damaged
"$credo" run --env switch/2 --alg qmix --t-max 300 "${small[@]}" --out other >/dev/null || fail "run"
cp "$(ls other/checkpoints/step_*.safetensors | tail -1)" foreign.safetensors
cp -r pp foreign && cp foreign.safetensors "foreign/checkpoints/$last"
refuse "damaged weights" credits foreign
echo "$failures failures"
[ $failures -eq 0 ]
