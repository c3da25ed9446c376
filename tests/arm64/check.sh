#!/bin/bash
# The aarch64 programs under qemu's user emulation: the recorded signature, the recorded numbers, every
# kernel against the scalar one, part of the conformance tests, and the same run in the same bytes as
# the program of this machine.
# usage: check.sh ARM_BUILD [NATIVE_CREDO]; without a native program the last step is left out.
set -eu
build=$(realpath "$1")
native=${2:+$(realpath "$2")}
root=$(cd "$(dirname "$0")/../.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$root"

# A program of the ARM build as one that scripts can call.
emulated() {
  printf '#!/bin/sh\nexec qemu-aarch64 %s "$@"\n' "$build/$1" >"$scratch/$1"
  chmod +x "$scratch/$1"
}
for program in credo golden_check test_learners test_conformance; do emulated $program; done

expected=$(head -n 1 tests/golden/signature.txt)
isas=neon
[ "${ARM64_SCALAR:-0}" = 0 ] || isas="neon scalar"
for isa in $isas; do
  signature=$("$scratch/credo" bench signature --isa $isa --threads 1)
  echo "signature with $isa: $signature"
  [ "$signature" = "$expected" ] || { echo "FAILED: recorded is $expected"; exit 1; }
done

"$scratch/golden_check" --isa neon tests/golden/*.safetensors >"$scratch/golden" ||
  { cat "$scratch/golden"; echo "FAILED: golden_check"; exit 1; }
echo "golden_check: $(ls tests/golden/*.safetensors | wc -l) files within tolerance"

"$scratch/test_learners" --source-file='*kernels_test*,*functions_test*'
"$scratch/test_conformance" --test-case='*playthrough*'

if [ -n "$native" ]; then
  # same_bits.sh runs the ARM program as "another program" beside the native one.
  ENVS="${ARM64_ENVS:-switch/2 skirmish/3m}" ALGS="${ARM64_ALGS:-qmix_gre qplex coma}" \
    tests/cli/same_bits.sh "$native" "$scratch/credo"
fi
