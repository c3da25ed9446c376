#!/bin/bash
# Runs every fuzz target, or those named, for some seconds each, and prints what libFuzzer executed. An
# input that crashes, hangs, throws what it should not or asks for more than 256 MiB at once is a
# finding: it is kept in BUILD/findings, and the exit code is 1.
# usage: run.sh BUILD SECONDS [TARGET...]
set -u
build=$(realpath "$1")
seconds=$2
shift 2
root=$(cd "$(dirname "$0")/../.." && pwd)
fuzz=$build/credo_fuzz
[ $# -gt 0 ] || mapfile -t targets < <("$fuzz" --list)
[ $# -eq 0 ] || targets=("$@")
[ ${#targets[@]} -gt 0 ] || { echo "no fuzz targets: $fuzz is missing or lists none"; exit 1; }
findings=$build/findings
mkdir -p "$findings"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export TMPDIR=$scratch ASAN_OPTIONS=allocator_may_return_null=0:detect_leaks=1
# Files that the program comes with are seeds where they are.
declare -A shipped=([map]=envs/skirmish/data/maps [units]=envs/skirmish/data/profiles
  [terrain]=envs/skirmish/data/terrain [suite]=suite/configs/suites)

failures=0
printf '%-14s %12s %10s %10s\n' target executions 'per s' coverage
for target in "${targets[@]}"; do
  corpora=("$scratch/$target")
  mkdir "$scratch/$target"
  [ ! -d "$root/tests/fuzz/corpus/$target" ] || corpora+=("$root/tests/fuzz/corpus/$target")
  [ -z "${shipped[$target]:-}" ] || corpora+=("$root/${shipped[$target]}")
  "$fuzz" --target="$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 \
    -malloc_limit_mb=256 -max_len=8192 -print_final_stats=1 -artifact_prefix="$findings/$target-" \
    "${corpora[@]}" >"$scratch/log" 2>&1
  code=$?
  stat() { sed -n "s/^stat::$1: *//p" "$scratch/log"; }
  coverage=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$scratch/log" | tail -n 1)
  printf '%-14s %12s %10s %10s\n' "$target" "$(stat number_of_executed_units)" \
    "$(stat average_exec_per_sec)" "$coverage"
  [ $code -eq 0 ] && continue
  failures=$((failures + 1))
  grep -E 'ERROR|SUMMARY|what\(\)|runtime error|Test unit written' "$scratch/log"
  cp "$scratch/log" "$findings/$target.log"
done
echo "$failures of ${#targets[@]} targets with findings"
[ $failures -eq 0 ]
