#!/bin/bash
# Pages of replays in headless Chromium: they load without errors, draw, and every control works
# (the page's own #selftest, suite/replay/page/page.js). Replay logs give the same page again.
# usage: replay_page.sh CREDO
set -u
credo=$(realpath "$1")
command -v chromium >/dev/null || { echo "skipped: no chromium"; exit 77; }
# shellcheck source=tests/cli/scratch.sh
. "$(dirname "$0")/scratch.sh"

check_page() {
  timeout 120 chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
    --disable-background-networking --disable-component-update --disable-sync \
    --user-data-dir="$scratch/profile" --enable-logging=stderr --virtual-time-budget=3000 \
    --dump-dom "file://$scratch/$1#selftest" >dom 2>log
  grep -q 'selftest passed' dom || fail "$1: $(grep -o 'selftest failed[^<]*' dom || tail -3 log)"
  grep -q 'CONSOLE' log && fail "$1: $(grep 'CONSOLE' log | head -3)"
  grep -qE '(src|href)=|https?://' "$1" && fail "$1 refers to something outside"
}

"$credo" replay --env skirmish/MMM --policy scripted:focus --episodes 2 --log a.replay \
  --html a.html >/dev/null || fail "no page of skirmish"
"$credo" replay --env predator_prey/5x5 --policy scripted --html b.html >/dev/null || fail "no page"
# Two kinds on the ground, and cliffs.
"$credo" replay --env skirmish/bane_vs_bane --policy random --set env.limit=10 --html d.html \
  >/dev/null || fail "no page of two kinds"
"$credo" replay --env skirmish/2c_vs_64zg --policy noop --set env.limit=10 --html e.html \
  >/dev/null || fail "no page with cliffs"
check_page a.html
check_page b.html
check_page d.html
check_page e.html
"$credo" replay a.replay --html c.html >/dev/null || fail "the log does not play"
cmp a.html c.html || fail "the page of the log differs"
[ "$(stat -c %s a.replay)" -lt 2000 ] || fail "the log is large"
echo "$failures failures"
[ $failures -eq 0 ]
