#!/bin/bash
# The TensorBoard sink, read back by a parser of its own; the same bytes after a kill and a resume.
# usage: tensorboard.sh CREDO
set -u
credo=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/cli/scratch.sh
. "$(dirname "$0")/scratch.sh"

reads() { # FOLDER
  python3 "$here/read_events.py" "$1" || fail "$1: the event file does not hold the metrics"
}

run=(run --env two_step --alg qmix_gre --t-max 3000 --quiet --threads 1 --set run.tensorboard=true
     --set run.checkpoint_interval=200 --set evaluation.interval=150 --set run.log_interval=100
     --set evaluation.episodes=4 --set learner.batch_size=8)
"$credo" "${run[@]}" --out truth >/dev/null || fail "run"
reads truth
events=$(cd truth && ls | grep tfevents)
grep -q "$events" truth/manifest.json || fail "the manifest does not record $events"
"$credo" verify truth --rerun 1 --quiet >out || fail "verify: $(cat out)"

# Killed at several moments, the last record torn on top, then resumed.
"$credo" "${run[@]}" --out killed >/dev/null 2>&1 &
for _ in 1 2 3; do
  sleep 0.1
  kill -KILL $! 2>/dev/null
  wait $! 2>/dev/null
  [ -e killed/manifest.json ] || continue
  [ -e "killed/$events" ] && grep -q '"running"' killed/manifest.json && printf torn >>"killed/$events"
  "$credo" resume killed --quiet >/dev/null 2>&1 &
done
wait $!
[ -e killed/manifest.json ] && "$credo" resume killed --quiet >/dev/null 2>&1
[ -e killed/manifest.json ] || "$credo" "${run[@]}" --out killed >/dev/null || fail "run again"
cmp "truth/$events" "killed/$events" || fail "other bytes after kill and resume"
cmp truth/metrics.jsonl killed/metrics.jsonl || fail "other metrics after kill and resume"

# A fixed policy has evaluations to show; without the setting there is no file.
"$credo" run --env two_step --alg random --quiet --set run.tensorboard=true --out random \
  >/dev/null || fail "random"
reads random
"$credo" run --env two_step --alg random --quiet --out without >/dev/null || fail "without"
ls without | grep -q tfevents && fail "an event file nobody asked for"
grep -q tensorboard without/config.toml && fail "the configuration speaks of a sink that is off"

# The parser notices damage: a changed byte of a value, a missing tail.
cp -r truth damaged
python3 - "damaged/$events" <<'END'
import sys
path = sys.argv[1]
data = bytearray(open(path, "rb").read())
data[len(data) // 2] ^= 1
open(path, "wb").write(data)
END
python3 "$here/read_events.py" damaged >/dev/null 2>&1 && fail "a flipped bit went unnoticed"
"$credo" verify damaged >/dev/null && fail "verify did not notice a flipped bit"

echo "$failures failures"
[ $failures -eq 0 ]
