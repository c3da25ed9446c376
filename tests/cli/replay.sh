#!/bin/bash
# credo replay and credo playthrough in the terminal: readable numbers, true outcomes, real actions.
# usage: replay.sh CREDO
set -u
credo=$(realpath "$1")
# shellcheck source=tests/cli/scratch.sh
. "$(dirname "$0")/scratch.sh"

has() { grep -qE -- "$2" "$1" || fail "$1: no '$2' in: $(tail -3 "$1")"; }

for algorithm in $("$credo" list algs | awk 'NR > 1 { print $1 }'); do
  [ "$algorithm" = open_loop ] && continue
  budget=(--t-max 100)
  case $algorithm in random | noop | scripted) budget=() ;; esac
  "$credo" run --env matrix/climbing --alg "$algorithm" --seed 0 "${budget[@]}" --out "$algorithm" \
    --quiet >/dev/null || fail "run $algorithm"
  "$credo" replay "$algorithm" --episodes 2 --log "$algorithm.replay" >text 2>err ||
    fail "replay of $algorithm: $(cat err)"
  has text '^episode 1: return -?[0-9.]+ after 1 steps$'
done

# A battle won earns twenty, whatever the last digits of the sum.
"$credo" replay --env skirmish/8m --policy scripted:focus --episodes 8 --log 8m.replay >text ||
  fail "8m"
has text ': return 20 after [0-9]+ steps, won$'
grep -qE 'return [0-9]+\.[0-9]{9}' text && fail "digits that mean nothing: $(cat text)"
"$credo" playthrough skirmish/8m --policy scripted:focus >text || fail "playthrough"
grep -qE 'reward [0-9]+\.[0-9]{9}' text && fail "digits that mean nothing: $(grep reward text | head -3)"

for set in true false; do
  "$credo" replay --env skirmish/2s_vs_1sc --policy noop --set env.limit=5 \
    --set env.limit_is_terminal=$set --log x.replay >text || fail "time-out"
  has text 'after 5 steps, time-out$'
  "$credo" playthrough skirmish/2s_vs_1sc --policy noop --set env.limit=5 \
    --set env.limit_is_terminal=$set >text || fail "time-out"
  has text 'after 5 steps, time-out$'
done
"$credo" replay --env skirmish/3m --policy noop --log x.replay >text || fail "3m"
has text ', lost$'

# Not the "stop" that the heuristic's agents are given.
"$credo" replay --env skirmish/3m --policy scripted:heuristic_ai >text || fail "heuristic_ai"
has text '^actions attack_[0-9] attack_[0-9] attack_[0-9]  reward'
echo "$failures failures"
[ $failures -eq 0 ]
