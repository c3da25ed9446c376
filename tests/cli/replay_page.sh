#!/bin/bash
# Pages of replays in headless Chromium: they load without errors, draw, every control works (the
# page's own #selftest, suite/replay/page/selftest.js) and everything can be read on a phone and on
# large screens (tests/browser/check_pages.py). Replay logs give the same page again.
# usage: replay_page.sh CREDO
set -u
credo=$(realpath "$1")
looks=$(realpath "$(dirname "$0")/../browser/check_pages.py")
command -v chromium >/dev/null || { echo "skipped: no chromium"; exit 77; }
# shellcheck source=tests/cli/scratch.sh
. "$(dirname "$0")/scratch.sh"

"$credo" replay --env skirmish/MMM --policy scripted:focus --episodes 2 --log a.replay \
  --html a.html >/dev/null || fail "no page of skirmish"
"$credo" replay --env predator_prey/5x5 --policy scripted --html b.html >/dev/null || fail "no page"
# Units that burst in a crowd; beams, and cliffs.
"$credo" replay --env skirmish/bane_vs_bane --policy scripted:focus --html d.html >/dev/null ||
  fail "no page of two kinds"
"$credo" replay --env skirmish/2c_vs_64zg --policy scripted:focus --set env.limit=14 --html e.html \
  >/dev/null || fail "no page with cliffs"
page_has() { grep -oE '"blasts":\[\[[^]]*\]' $1.html | grep -qE "$2"; }
# [frame,unit,x,y,to_x,to_y,radius]: a burst is a point, a beam a line.
page_has d '\[\[[0-9]+,[0-9]+,([0-9.]+,[0-9.]+),\1,2.2\]' || fail "no burst in the page"
page_has e ',0.15\]' || fail "no beam in the page"
page_has a . && fail "a burst or beam where nobody has one"
for page in a b d e; do
  grep -qE '(src|href)=|https?://' $page.html && fail "$page refers to something outside"
done
python3 -B "$looks" replay a.html b.html d.html e.html >looks || fail "$(cat looks)"
"$credo" replay a.replay --html c.html >/dev/null || fail "the log does not play"
cmp a.html c.html || fail "the page of the log differs"
[ "$(stat -c %s a.replay)" -lt 2000 ] || fail "the log is large"
echo "$failures failures"
[ $failures -eq 0 ]
