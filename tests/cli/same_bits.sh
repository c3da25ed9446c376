#!/bin/bash
# Runs leave the same bytes (metrics, episodes, weights) whatever runs them: 1, 2 or 4 threads,
# every instruction set, every given program (e.g. built by another compiler).
# usage: same_bits.sh CREDO [OTHER_CREDO]...   ENVS and ALGS in the environment widen the choice.
set -u
credo=$(realpath "$1")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
envs=${ENVS:-matrix/climbing two_step predator_prey/5x5 switch/2 stag_hunt/8x8}
algs=${ALGS:-$("$credo" list algs | awk 'NR > 1 && $0 !~ /does not learn/ {print $1}')}
# Widths that no vector width divides, so that every path has a remainder.
cat >"$scratch/small.toml" <<'END'
run.log_interval = 100
run.checkpoint_interval = 150
rollout.n_envs = 3
evaluation.interval = 150
evaluation.episodes = 3
agent.hidden_dim = 19
mixer.embed_dim = 11
mixer.hypernet_embed = 21
qtran.embed_dim = 13
qplex.layers = 2
qplex.embed_dim = 9
wqmix.central_embed_dim = 17
learner.batch_size = 4
learner.td_lambda = 0.4
learner.target_update_interval = 4
END
small=(--config "$scratch/steps.toml" --set env.limit=25 --seed 7 --quiet)
failures=0
compared=0

digest() { # FOLDER
  (cd "$1" && cat config.toml metrics.jsonl eval_episodes.csv checkpoints/*.safetensors | sha256sum)
}

for env in $envs; do
  steps=300
  case $env in matrix/*|two_step) steps=60 ;; esac
  { cat "$scratch/small.toml" && echo "run.t_max = $steps"; } >"$scratch/steps.toml"
  for alg in $algs; do
    "$credo" run --env "$env" --alg "$alg" "${small[@]}" --threads 1 \
      --out "$scratch/truth" >/dev/null || exit 1
    truth=$(digest "$scratch/truth")
    check() { # LABEL PROGRAM OPTIONS...
      local label=$1 program=$2
      shift 2
      "$program" run --env "$env" --alg "$alg" "${small[@]}" "$@" \
        --out "$scratch/other" >/dev/null || exit 1
      compared=$((compared + 1))
      if [ "$(digest "$scratch/other")" != "$truth" ]; then
        echo "FAILED $env $alg: $label differs from 1 thread"
        failures=$((failures + 1))
      fi
      rm -rf "$scratch/other"
    }
    check "2 threads" "$credo" --threads 2
    check "4 threads" "$credo" --threads 4
    for isa in scalar avx2 avx512; do
      "$credo" list algs --isa $isa >/dev/null 2>&1 && check $isa "$credo" --isa $isa --threads 1
    done
    for other in "${@:2}"; do check "$other" "$other" --threads 2; done
    rm -rf "$scratch/truth"
  done
done
echo "$compared comparisons, $failures failures"
[ $failures -eq 0 ]
