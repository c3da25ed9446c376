# Sourced by the scripts beside it: a scratch folder to stand in, and a count of failures.
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
failures=0
fail() {
  echo "FAILED $*"
  failures=$((failures + 1))
}
# tiny_suite SEEDS: a suite of two environments and three algorithms that takes seconds.
tiny_suite() {
  cat <<T
envs = ["two_step", "matrix/climbing"]
algs = ["random", "vdn", "qmix"]
seeds = "$1"
run.t_max = 40
learner.batch_size = 4
agent.hidden_dim = 5
evaluation.interval = 20
evaluation.episodes = 2
T
}
# expect CODE PATTERN ARGUMENTS...: credo's exit code, and a line among what it prints. With fixed=1
# the pattern is a text.
expect() {
  local code=$1 text=$2
  shift 2
  timeout 300 "$credo" "$@" >out 2>err
  local got=$?
  [ $got -eq "$code" ] || fail "$*: exit code $got, expected $code: $(cat out err)"
  cat out err | grep -q ${fixed:+-F} -- "$text" || fail "$*: no '$text' in: $(cat out err)"
}
