#!/bin/bash
# A suite killed at ten moments and called again each time leaves the files of one that was left
# alone, and two halves put together are the whole.
# usage: suite_kills.sh CREDO [RANDOM_SEED]
set -u
credo=$(realpath "$1")
suite=$(cd "$(dirname "$0")/../slurm" && pwd)/small.toml
RANDOM=${2:-1}
scratch=$(mktemp -d)
child=
trap '[ -z "$child" ] || kill -KILL "$child" 2>/dev/null; rm -rf "$scratch"' EXIT
trap 'exit 1' INT TERM
cd "$scratch" || exit 1
failures=0
fail() {
  echo "FAILED $*"
  failures=$((failures + 1))
}

run=("$credo" suite "$suite" --t-max 4000 --jobs 2 --quiet)
began=$(date +%s%N)
"${run[@]}" --out whole >whole.md || exit 1
took_ms=$((($(date +%s%N) - began) / 1000000))

# Everything but the manifests, which tell of clocks and restarts; nothing may be left over.
same() { # FOLDER LABEL
  diff -r --exclude=manifest.json whole "$1" >difference 2>&1 || fail "$2: $(head -n 5 difference)"
  "$credo" verify "$1" >verified 2>&1 || fail "$2: $(tail -n 3 verified)"
}
complete() { # LABEL
  "${run[@]}" --out killed >killed.md || fail "$1: exit code $?"
  cmp whole.md killed.md || fail "$1: the tables printed differ"
  same killed "$1"
}

# Ten moments within a tenth of the suite's time hit it at work, unless the machine got faster: then
# the rest of them hit another one.
kills=0
finished=0
while [ $kills -lt 10 ]; do
  "${run[@]}" --out killed >/dev/null 2>errors &
  child=$!
  pause=$((RANDOM % (took_ms / 10 + 1) + 30))
  sleep "$(printf '%d.%03d' $((pause / 1000)) $((pause % 1000)))"
  if kill -KILL $child 2>/dev/null; then
    kills=$((kills + 1))
    wait $child 2>/dev/null
    code=$?
    [ $code -eq 137 ] || [ $code -eq 0 ] || fail "kill $kills: exit code $code: $(cat errors)"
  else
    wait $child || fail "after $kills kills: exit code $?: $(cat errors)"
    finished=$((finished + 1))
    complete "suite $finished, finished after $kills kills"
    rm -r killed
  fi
  child=
done
complete "after $kills kills"

# Two halves in folders of their own, put together; and in one folder, one after another.
"${run[@]}" --shard 0/2 --out half0 >/dev/null || fail "first half"
"${run[@]}" --shard 1/2 --out half1 >/dev/null || fail "second half"
[ "$(find half0 half1 -name metrics.jsonl | wc -l)" = 6 ] || fail "the halves overlap or miss cells"
"$credo" report half0 half1 --out merged --quiet >/dev/null || fail "merge"
for file in plan.csv tables.md results.csv curves.csv training.csv; do
  cmp "whole/$file" "merged/$file" || fail "merged halves: $file"
done
"${run[@]}" --shard 1/2 --out shared >/dev/null || fail "second half in a shared folder"
"${run[@]}" --shard 0/2 --out shared >/dev/null || fail "first half in a shared folder"
same shared "halves in one folder"

echo "$failures failures"
[ $failures -eq 0 ]
