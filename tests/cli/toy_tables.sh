#!/bin/bash
# The environment of docs/adding-an-environment.md in tables over several tasks: its own bounds, random
# play measured by its row, bounds of the suite file before both.
# usage: toy_tables.sh TOY_CREDO CREDO
set -u
toy=$(realpath "$1")
credo=$(realpath "$2")
# shellcheck source=tests/cli/scratch.sh
. "$(dirname "$0")/scratch.sh"

has() { grep -qF -- "$2" "$1" || fail "$1: no '$2' in: $(cat "$1")"; }
lacks() { grep -qF -- "$2" "$1" && fail "$1: '$2' in: $(cat "$1")"; }
iqm() { awk -F'[|[]' -v row="$2" '/^### All tasks/ { in_all = 1 } in_all && $2 ~ row { print $4 + 0 }' "$1"; }

cat >toy.toml <<'END'
envs = ["toy/line", "toy/long", "two_step"]
algs = ["random", "scripted"]
seeds = "0-2"
evaluation.episodes = 400
END
"$toy" suite ./toy.toml --out out --quiet >tables || fail "suite"
has tables "### All tasks"
has tables "Bounds that are not published: toy/line (0 at "
has tables "measured, 1200 episodes; 1 at 0.9056, declared by the environment)"
lacks tables "Left out"
# Random play stands at 0, the scripted policy, which is the best there is, at 1.
for want in "random 0" "scripted 1"; do
  set -- $want
  awk -v got="$(iqm tables "$1")" -v want="$2" 'BEGIN { exit !(got - want < 0.03 && want - got < 0.03) }' ||
    fail "$1 is at $(iqm tables "$1"), not at $2"
done

# The suite's own bounds win, also later and in a program that lacks the environment.
{ cat toy.toml; printf '[bounds."toy/line"]\nrandom = -4.0\nbest = 1.0\n[bounds."toy/long"]\nbest = 1.0\n'; } >own.toml
"$toy" suite ./own.toml --out own --quiet >tables || fail "suite with bounds"
has tables "toy/line (0 at -4, the suite; 1 at 1, the suite)"
has tables "episodes; 1 at 1, the suite)"
"$toy" report own --format md >again || fail "report"
has again "toy/line (0 at -4, the suite; 1 at 1, the suite)"
"$toy" verify own --quiet >/dev/null || fail "verify"

# Without a row of random play, or without a bound, a task is left out and the table says why.
sed 's/"random", //' toy.toml >sole.toml
"$toy" suite ./sole.toml --out sole --quiet >tables || fail "suite without random"
"$toy" report sole --format json --aggregate >json || fail "json"
has json "no finished run of \`random\` measures it"

# Errors name file and line.
printf '[bounds."toy/lin"]\nbest = 1\n' | cat toy.toml - >bad.toml
"$toy" suite ./bad.toml --out bad --quiet >out.txt 2>err && fail "a wrong name passed"
has err "bad.toml:6"
has err "did you mean 'toy/line'?"
"$toy" describe toy/line --set env.length=30 >text || fail "describe"
has text "toy/line: rendezvous on a line of 30 cells"
has text "tables over tasks: score 0 at the return of random play, 1 at "
"$credo" describe toy/line >text 2>err && fail "the ordinary program has the toy"
echo "$failures failures"
[ $failures -eq 0 ]
