# Sourced by the scripts beside it: a scratch folder to stand in, and a count of failures.
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
failures=0
fail() {
  echo "FAILED $*"
  failures=$((failures + 1))
}
