#!/bin/bash
# Wrong inputs: exit code 2, nothing on stdout, exactly one line on stderr that names what matters.
# usage: wrong_inputs.sh CREDO
set -u
credo=$(realpath "$1")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
cases=0
failures=0

# expect CODE WORDS ARGUMENTS...: WORDS are separated by '|', all must appear.
expect() {
  local code=$1 words=$2
  shift 2
  cases=$((cases + 1))
  "$credo" "$@" >out 2>err </dev/null
  local got=$? problem=""
  [ $got -eq "$code" ] || problem="exit code $got, expected $code"
  [ "$(wc -l <err)" -eq 1 ] || problem="$problem; $(wc -l <err) lines on stderr"
  [ "$(head -c 14 err)" = "credo: error: " ] || problem="$problem; no 'credo: error: '"
  [ -s out ] && problem="$problem; output on stdout"
  local word
  while IFS= read -r -d '|' word; do
    grep -qF -- "$word" err || problem="$problem; '$word' is not named"
  done <<<"$words|"
  if [ -n "$problem" ]; then
    failures=$((failures + 1))
    printf 'FAILED %s\n  %s\n  %s\n' "$*" "$problem" "$(cat err)"
  elif [ -n "${VERBOSE:-}" ]; then
    printf '%-2s %s\n   %s\n' "$code" "$*" "$(cat err)"
  fi
}
refuse() { expect 2 "$@"; }

small=(--t-max 200 --set learner.batch_size=4 --set agent.hidden_dim=8 --set evaluation.interval=100
       --set run.checkpoint_interval=100 --set evaluation.episodes=2 --quiet)
# The arguments of a small learning run.
start=(--env two_step --alg vdn "${small[@]}")
"$credo" run "${start[@]}" --out done --set run.keep_state=true >/dev/null || exit 1
"$credo" run --env switch/2 --alg vdn "${small[@]}" --out other >/dev/null || exit 1

# names
refuse "no command"
refuse "unknown command|'run'" rnu
refuse "unknown option|--seed" run --env two_step --alg vdn --sed 3 --out x
refuse "unknown environment|'two_step'" run --env two_stp --alg vdn --out x
refuse "unknown algorithm|'qmix'" run --env two_step --alg qmxi --out x
refuse "unknown profile|'fast'" run --env two_step --alg vdn --profile fsat --out x
refuse "unknown suite|'quick'" suite quik --out x
refuse "list|unknown argument|envs" list things
refuse "bench|unknown argument|did you mean 'signature'?" bench signatur
refuse "unknown policy|random" eval --policy rnadom --env two_step
refuse "unknown policy|noop" playthrough two_step --policy clever
refuse "unknown --isa|scalar" list envs --isa sse9
refuse "unknown --format|csv" report done --format doc
refuse "--progress|plain" run "${start[@]}" --out x --progress fancy
refuse "scripted" run --env matrix/qtran --alg scripted:nonsense --out x
refuse "'scripted:focus'" eval --policy scripted:fcus --env skirmish/3m
refuse "'scripted:focus'" run --env skirmish/3m --alg scripted:fcus --out x
refuse "unknown policy|'open_loop'" eval --policy open-loop --env two_step
refuse "open_loop.budget|'59'|60" run --env skirmish/3m --alg open_loop --set open_loop.budget=59 --out x
refuse "open_loop.budget|'59'|60" eval --policy open_loop --env skirmish/3m --budget 59
refuse "--budget|random" eval --policy random --env two_step --budget 10
refuse "--budget|'0'" eval --policy open_loop --env two_step --budget 0

# replays
"$credo" replay --env two_step --policy noop --log two.replay >/dev/null || exit 1
head -c 40 two.replay >short.replay
{ head -c 30 two.replay; printf X; tail -c +32 two.replay; } >flipped.replay
echo nonsense >nonsense.replay
refuse "--env|--policy" replay
refuse "--policy" replay --env two_step
refuse "unknown policy|random" replay --env two_step --policy rnadom
refuse "'scripted:focus'" replay --env skirmish/3m --policy scripted:fcus
refuse "missing.replay" replay missing.replay
refuse "short.replay|damaged" replay short.replay
refuse "flipped.replay|checksum" replay flipped.replay
refuse "nonsense.replay|replay log" replay nonsense.replay
refuse "--seed|replay log" replay two.replay --seed 3
refuse "--env|DIR" replay done --env two_step
refuse "--speed|'0'" replay two.replay --speed 0
refuse "--episodes|'0'" replay done --episodes 0
refuse "no_folder" replay two.replay --html no_folder/x.html
refuse "heuristic_ai" run --env skirmish/3m --alg scripted:heuristic_aj --out x

# settings
refuse "learner.gama|learner.gamma" run "${start[@]}" --set learner.gama=0.9 --out x
refuse "env.lmit|limit" run "${start[@]}" --set env.lmit=3 --out x
refuse "learner.gamma|'high'|float" run "${start[@]}" --set learner.gamma=high --out x
refuse "learner.gamma|'1.5'|[0, 1]" run "${start[@]}" --set learner.gamma=1.5 --out x
refuse "learner.gamma|nan" run "${start[@]}" --set learner.gamma=nan --out x
refuse "learner.batch_size|int" run "${start[@]}" --set learner.batch_size=2.5 --out x
refuse "mixer.type|qmix_simple" run "${start[@]}" --set mixer.type=sum --out x
refuse "mixer.type|no effect|learner.type = q_learning" run --env two_step --alg coma --set mixer.type=vdn --out x
refuse "gre.lambda|no effect|gre.enabled = true|mixer.type = qmix, qplex or qatten (it is vdn)" \
  run "${start[@]}" --set gre.lambda=5 --out x
refuse "learner.n_step|no effect|learner.td_lambda = 0 (it is 0.6)" \
  run --env two_step --alg qmix --profile fast --set learner.n_step=3 --out x
refuse "agent.obs_agent_id|no effect|agent.shared = true (it is false)" \
  run --env two_step --alg mappo --set agent.shared=false --set agent.obs_agent_id=false --out x
refuse "learner.n_step = '0'|[1, 100000]" run --env two_step --alg qmix --set learner.n_step=0 --out x
refuse "learner.td_lambda = '1.1'|[0, 1]" run --env two_step --alg qmix --set learner.td_lambda=1.1 --out x
refuse "learner.batch_size = 6000|replay.capacity = 5000" \
  run --env two_step --alg qmix --set learner.batch_size=6000 --out x
refuse "ppo.clip = '0'|[1e-06, " run --env two_step --alg mappo --set ppo.clip=0 --out x
refuse "ppo.epochs = '0'|[1, 1000]" run --env two_step --alg ippo --set ppo.epochs=0 --out x
refuse "ppo.gae_lambda = '1.5'|[0, 1]" run --env two_step --alg ippo --set ppo.gae_lambda=1.5 --out x
refuse "ppo.minibatches = 40|rollout.n_envs = 32" \
  run --env two_step --alg mappo --set ppo.minibatches=40 --out x
refuse "qatten.heads = '0'|[1, 64]" run --env two_step --alg qatten --set qatten.heads=0 --out x
refuse "shaq.sample_size = '0'|[1, 1000]" run --env two_step --alg shaq --set shaq.sample_size=0 --out x
refuse "shaq.alpha_lr = '-1'|[0, " run --env two_step --alg shaq --set shaq.alpha_lr=-1 --out x
refuse "learner.batch_size|no effect|learner.type = q_learning" run --env two_step --alg coma \
  --set learner.batch_size=64 --out x
refuse "replay.capacity|no effect" run --env two_step --alg coma --set replay.capacity=7 --out x
refuse "optimizer.adam_beta1|no effect|optimizer.type = adam" run --env two_step --alg qmix \
  --set optimizer.adam_beta1=0.8 --out x
refuse "learner.gamma|no effect|'random' does not" run --env two_step --alg random \
  --set learner.gamma=0.5 --out x
refuse "--t-max|no effect" run --env two_step --alg noop --t-max 5 --out x
refuse "wqmix.weighting|cw_qmix|no effect" run --env two_step --alg cw_qmix \
  --set mixer.type=qplex --out x
refuse "--set qplex.layers=2|no effect|any cell" suite smoke --set qplex.layers=2 --out x
refuse "learner.type|q_learning" run "${start[@]}" --set learner.type=cmoa --out x
refuse "exploration.epsilon_finish|at least" run --env two_step --alg coma \
  --set exploration.epsilon_finish=0 --out x
refuse "KEY=VALUE" run "${start[@]}" --set learner.gamma --out x
refuse "replay.capacity|learner.batch_size" run "${start[@]}" --set replay.capacity=2 --out x
refuse "run.seed|--seed" run "${start[@]}" --set run.seed=3 --out x
refuse "--t-max|'0'|[1, " run --env two_step --alg vdn --t-max 0 --out x
refuse "--t-max|'-5'" run --env two_step --alg vdn --t-max=-5 --out x
refuse 'a\nb' run "${start[@]}" --set $'a\nb=1' --out x

# numbers
refuse "--seed|'abc'" run "${start[@]}" --seed abc --out x
refuse "--seed|'-1'" run "${start[@]}" --seed=-1 --out x
refuse "--seed|'1e-3'" run "${start[@]}" --seed 1e-3 --out x
refuse "--seed" run "${start[@]}" --seed
refuse "--seed|more than once" run "${start[@]}" --seed 1 --seed 2 --out x
refuse "--threads|'0'" run "${start[@]}" --threads 0 --out x
refuse "--threads|'-2'" bench env --threads=-2
refuse "--episodes|'0'" eval --policy random --env two_step --episodes 0
refuse "--episodes|'-1'" eval --policy random --env two_step --episodes -1
refuse "--episodes|99999999999999999999" eval done --episodes 99999999999999999999
refuse "--jobs|'0'" suite smoke --jobs 0 --out x
refuse "--partiton|--partition" suite smoke --slurm --partiton short --out x
refuse "--time|'3'|5 minutes" suite smoke --slurm --time 3 --out x
refuse "--time|'soon'|HH:MM:SS" suite smoke --slurm --time soon --out x
refuse "--cpus|'0'" suite smoke --slurm --cpus 0 --out x
refuse "--pack|'none'" suite smoke --slurm --pack none --out x
refuse "--max-parallel|'-1'" suite smoke --slurm --max-parallel=-1 --out x
refuse '--partition|a\nb' suite smoke --slurm --partition $'a\nb' --out x
refuse "--sbatch|nice|--sbatch=--nice" suite smoke --slurm --sbatch nice --out x
refuse "--partition|--slurm" suite smoke --partition short --out x
refuse "--slurm|--status" suite smoke --slurm --status --out x
refuse "--jobs|--cpus" suite smoke --slurm --jobs 2 --out x
refuse "--out" suite smoke --slurm
refuse "--out" suite smoke --status
refuse "--element|'1'|SUBMISSION/ELEMENT" suite smoke --element 1 --out x
refuse "--element|elements.txt" suite smoke --element 1/0 --out x
refuse "unknown --stage|'tables'" suite smoke --stage table --out x
refuse "--seeds|backwards" suite smoke --seeds 4-2 --out x
refuse "--seeds|twice" suite smoke --seeds 1,1 --out x
refuse "--only|nothing" suite smoke --only nothing --out x

# what is missing or too much
refuse "--env" run --alg vdn --out x
refuse "--alg" run --env two_step --out x
refuse "--out" run "${start[@]}"
refuse "--out" suite smoke
refuse "DIR" resume
refuse "DIR|--policy" eval
refuse "--env" eval --policy random
refuse "unexpected argument 'extra'" run extra "${start[@]}" --out x
refuse "--env|DIR" eval done --env two_step
refuse "ENV" describe
refuse "only env." describe two_step --set learner.gamma=0.5

# configuration files
printf '[learner]\n\ngama = 1\n' >key.toml
printf '[learner]\ngamma = "x"\n' >type.toml
printf 'learner = {\n' >syntax.toml
printf '# ok\n\xff\xfe = 1\n' >utf8.toml
printf '[run]\nenv = "switch/2"\n' >env.toml
head -c 100000 /dev/urandom >noise.toml
refuse "key.toml:3|learner.gama|learner.gamma" run "${start[@]}" --config key.toml --out x
refuse "type.toml:2|learner.gamma" run "${start[@]}" --config type.toml --out x
refuse "syntax.toml:1" run "${start[@]}" --config syntax.toml --out x
refuse "utf8.toml:2|UTF-8" run "${start[@]}" --config utf8.toml --out x
refuse "env.toml|switch/2" run "${start[@]}" --config env.toml --out x
refuse "noise.toml" run "${start[@]}" --config noise.toml --out x
refuse "missing.toml" run "${start[@]}" --config missing.toml --out x
refuse "./missing.toml" run "${start[@]}" --profile ./missing.toml --out x
refuse "key.toml" suite ./key.toml --out x
refuse "done" run "${start[@]}" --config done --out x

# folders
refuse "done|already holds" run "${start[@]}" --out done
refuse "done/manifest.json|not of suite" suite smoke --out done
touch file
refuse "file/run|Not a directory" run "${start[@]}" --out file/run
refuse "/proc/credo" run "${start[@]}" --out /proc/credo
refuse "nowhere" resume nowhere
refuse "nowhere" eval nowhere
refuse "nowhere" verify nowhere
refuse "nowhere" report nowhere
mkdir -p empty
refuse "empty|no run" report empty
refuse "empty|no run" resume empty
printf '{"schema":"credo.lock","token":"0123456789abcdef","host":"node7","system":"other","pid":71,%s' \
  '"started":1,"job":"main:12_4","restart":0}' >done/.lock
refuse "in use|process 71 on node7, job main:12_4" run "${start[@]}" --out done
refuse "in use" resume done
rm done/.lock

# checkpoints and weights: NAME is a fresh unfinished copy of a run with a state
weights=checkpoints/step_200.safetensors
state=checkpoints/step_200.state
fresh() {
  rm -rf "$1"
  cp -r done "$1"
  sed -i 's/"status": "done"/"status": "running"/' "$1/manifest.json"
}
flip() { # FILE OFFSET
  local byte
  byte=$(od -An -tu1 -j "$2" -N1 "$1")
  printf "\\x$(printf %02x $((byte ^ 255)))" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}
fresh a && flip a/$state 100
refuse "step_200.state|checksum" resume a
[ -s a/$state ] || { echo "FAILED a damaged state was deleted"; failures=$((failures + 1)); }
fresh b && truncate -s -7 b/$state
refuse "step_200.state|damaged" resume b
fresh c && rm c/$state && mkdir c/$state
refuse "step_200.state" resume c
fresh d && : >d/$state
refuse "step_200.state" resume d
fresh e && echo "nonsense" >e/checkpoints/latest
refuse "latest" resume e
fresh f && echo '# more' >>f/config.toml
refuse "config.toml|changed" resume f
fresh g && echo '{' >g/manifest.json
refuse "manifest.json" resume g
fresh h && : >h/metrics.jsonl
refuse "metrics.jsonl" resume h
fresh i
refuse "unknown checkpoint|step_200" resume i --checkpoint step_7
fresh i2
refuse "unknown checkpoint 'best'; allowed" resume i2 --checkpoint best
refuse "'random' does not learn" bench run --alg random
refuse "--all cannot be used" bench env --all
fresh j && flip j/$weights 300
refuse "step_200.safetensors|checksum" eval j
fresh k && truncate -s 50 k/$weights
refuse "step_200.safetensors" eval k
truncate -s 40 short.safetensors
refuse "short.safetensors" eval done --weights short.safetensors
refuse "missing.safetensors" eval done --weights missing.safetensors
refuse "other/$weights|agent.fc1.weight|[8, 9]|[8, 7]" eval done --weights other/$weights
refuse "agent.fc1" eval --weights other/$weights --env two_step --alg vdn --set agent.hidden_dim=16
refuse "other/$weights|agent.fc1.weight|[8, 9]|[8, 7]" run "${start[@]}" \
  --init-weights other/$weights --out x
refuse "agent.fc1|F32 [8|F32 [16" run "${start[@]}" --set agent.hidden_dim=16 \
  --init-weights done/$weights --out x
refuse "no tensor|mixer." run --env two_step --alg qmix "${small[@]}" --init-weights done/$weights \
  --out x
refuse "missing.safetensors" run "${start[@]}" --init-weights missing.safetensors --out x
refuse "short.safetensors" run "${start[@]}" --init-weights short.safetensors --out x
refuse "not a regular file" run "${start[@]}" --init-weights /dev/zero --out x
refuse "--init-weights|no effect" run --env two_step --alg random --init-weights done/$weights --out x

# going on
refuse "--t-max|--out" resume done --t-max 300
refuse "--t-max|--out" resume done --out x
refuse "--checkpoint" resume done --t-max 300 --out x --checkpoint step_200
refuse "--t-max 200|200" resume done --t-max 200 --out x
refuse "other|run.keep_state=true|--init-weights" resume other --t-max 300 --out x
"$credo" run --env two_step --alg random --out played --quiet >/dev/null || exit 1
refuse "does not learn" resume played --t-max 300 --out x
cp -r done l && rm -r l/checkpoints
"$credo" verify l >out 2>err
[ $? -eq 3 ] || { echo "FAILED verify of a run without its weights"; failures=$((failures + 1)); }

# a full device
refuse_full() {
  cases=$((cases + 1))
  "$credo" "$@" >/dev/full 2>err
  local got=$?
  if [ $got -ne 2 ] || [ "$(wc -l <err)" -ne 1 ] || ! grep -qF "No space left" err; then
    failures=$((failures + 1))
    echo "FAILED $* on a full device: exit code $got, $(cat err)"
  fi
}
[ -e /dev/full ] && refuse_full list envs

# a refused run leaves nothing behind
[ ! -e x ] || { echo "FAILED a refused command created its folder"; failures=$((failures + 1)); }

echo "$cases cases, $failures failures"
[ $failures -eq 0 ]
