#!/bin/bash
# matrix_tables: three files from one command, the computed fits, the same bytes twice, and one line
# for bad input.   matrix_tables.sh MATRIX_TABLES
set -u
tables=$(realpath "$1")
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
failures=0
fail() {
  echo "FAILED $*"
  failures=$((failures + 1))
}

for name in first second; do
  "$tables" --out "$scratch/$name" --seeds 3 --game matrix/qtran --game matrix/qplex3 \
    --game matrix/climbing --updates 30 >/dev/null 2>&1 || fail "exit code $?"
done
for file in tables.md tables.csv; do
  cmp -s "$scratch/first/$file" "$scratch/second/$file" || fail "$file differs between two runs"
done
[ -s "$scratch/first/manifest.json" ] || fail "no manifest"
# 15 algorithms, 9 joint actions, 3 games, a header.
[ "$(wc -l <"$scratch/first/tables.csv")" -eq 406 ] || fail "$(wc -l <"$scratch/first/tables.csv") lines"
# Summed squares of the best monotone fits, and the additive fit of the QTRAN game.
for error in 288.00 344.00 997.42; do
  grep -q "best monotone fit.*| $error |" "$scratch/first/tables.md" || fail "no fit of $error"
done
grep -q "additive fit.*-6.22 -4.89 -4.89 / -4.89 -3.56 -3.56" "$scratch/first/tables.md" ||
  fail "no additive fit"

refuses() { # TEXT OPTIONS...
  local text=$1
  shift
  "$tables" "$@" >"$scratch/out" 2>"$scratch/err"
  local code=$?
  [ $code -eq 2 ] && [ "$(wc -l <"$scratch/err")" -eq 1 ] && grep -q -- "$text" "$scratch/err" ||
    fail "$*: exit $code, $(cat "$scratch/err")"
}
refuses "--out DIR is missing"
refuses "--seeds" --out "$scratch/x" --sedes 1
refuses "needs a value" --out
refuses "allowed: an integer" --out "$scratch/x" --updates 0
refuses "two agents and one play" --out "$scratch/x" --game matrix/climbing3
refuses "matrix/climbing" --out "$scratch/x" --game matrix/climing
refuses "--seeds" --out "$scratch/x" --seeds a
[ ! -e "$scratch/x" ] || fail "bad input left files"

echo "$failures failures"
[ $failures -eq 0 ]
