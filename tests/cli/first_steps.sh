#!/bin/bash
# The commands under "First steps" of the README, as they stand there: each ends well, and soon.
# usage: first_steps.sh CREDO
set -u
credo=$(realpath "$1")
readme=$(realpath "$(dirname "$0")/../../README.md")
# shellcheck source=tests/cli/scratch.sh
. "$(dirname "$0")/scratch.sh"

mkdir build && ln -s "$credo" build/credo
awk '/^## / { here = /^## First steps/ } here && /^```/ { inside = !inside; next } here && inside' \
  "$readme" >steps
[ "$(wc -l <steps)" -ge 5 ] || fail "the README has no first steps: $(cat steps)"
# Ten seconds on an idle machine; this one may have other work, so processor time counts.
TIMEFORMAT='%U %S'
while read -r command; do
  { time timeout 120 $command >out 2>err; } 2>used || fail "$command: $(cat err)"
  awk '{ exit !($1 + $2 < 10) }' used || fail "$command takes longer than ten seconds: $(cat used)"
done <steps
[ -f runs/first/manifest.json ] || fail "no run"
echo "$failures failures"
[ $failures -eq 0 ]
