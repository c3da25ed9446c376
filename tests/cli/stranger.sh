#!/bin/bash
# A results folder from a stranger: whatever its files say, nothing outside of it is removed, written
# or waited for, and every refusal is one line with exit code 2, within seconds and little memory.
# usage: stranger.sh CREDO
set -u
credo=$(realpath "$1")
# shellcheck source=tests/cli/scratch.sh
. "$(dirname "$0")/scratch.sh"
ulimit -v 4000000

refuse() { # TEXT ARGUMENTS...
  local text=$1
  shift
  timeout 20 "$credo" "$@" >out 2>err
  local got=$?
  [ $got -eq 2 ] || fail "$*: exit code $got: $(cat out err)"
  [ "$(wc -l <err)" -eq 1 ] && grep -qF -- "$text" err || fail "$*: no '$text' in: $(cat err)"
}
precious() {
  mkdir -p "$scratch/precious/deep" && echo "dear" >"$scratch/precious/deep/file"
}
untouched() { # LABEL
  [ "$(cat "$scratch/precious/deep/file" 2>&1)" = dear ] || fail "$1: something precious is gone"
  precious
}
precious

"$credo" run --env two_step --alg vdn --t-max 300 --set evaluation.episodes=2 --quiet \
  --set learner.batch_size=4 --set evaluation.interval=100 --set run.checkpoint_interval=100 \
  --set run.keep_state=true --out good >/dev/null || fail "run"
fresh() { rm -rf bad && cp -r good bad; }
edit() { sed -i "$@" bad/manifest.json; }

# Names of the manifest: the scratch folder of verify --rerun is joined with the task and removed.
mkdir -p temporary
export TMPDIR=$scratch/temporary
for name in "$scratch/precious" ../precious ../../precious "x/../../precious" ..; do
  for key in task label; do
    fresh && edit "s|\"$key\": \"[^\"]*\"|\"$key\": \"$name\"|"
    refuse "unusable name" verify bad --rerun 1 --quiet
    refuse "unusable name" report bad
    refuse "unusable name" resume bad
    untouched "$key $name"
  done
done
fresh && edit "s|\"task\": \"[^\"]*\"|\"task\": \"two_step\\\\u0000x\"|"
refuse "control characters" verify bad --rerun 1 --quiet
for name in ../../dev/zero ../../../../../../../../dev/zero /dev/zero ../precious/deep/file; do
  fresh && edit "s|\"metrics.jsonl\": |\"$name\": |"
  refuse "unusable name" verify bad
  refuse "unusable name" report bad
done
[ -z "$(ls temporary)" ] || fail "verify left $(ls temporary)"

# Links that lead out, for reading and for going on.
for part in metrics.jsonl eval_episodes.csv config.toml manifest.json checkpoints checkpoints/latest \
  checkpoints/step_300.state checkpoints/best.safetensors; do
  for status in done running; do
    fresh && edit "s/\"status\": \"done\"/\"status\": \"$status\"/"
    rm -r "bad/$part"
    if [ $part = checkpoints ]; then
      ln -s "$scratch/precious/deep" bad/checkpoints
    else
      ln -s "$scratch/precious/deep/file" "bad/$part"
    fi
    touch "$scratch/precious/deep/"{step_100.state,step_100.safetensors,latest.tmp}
    [ $status = done ] && [ $part != checkpoints/latest ] && [ $part != checkpoints/step_300.state ] &&
      refuse "leads out" verify bad
    [ $status = running ] && refuse "leads out" resume bad --quiet
    untouched "$part"
    [ "$(ls precious/deep | wc -l)" -eq 4 ] || fail "$part, $status: files are gone from elsewhere"
    rm "$scratch/precious/deep/"{step_100.state,step_100.safetensors,latest.tmp}
  done
done

# Devices, pipes, folders and endless files where a file is meant.
mkfifo pipe
for name in metrics.jsonl eval_episodes.csv config.toml manifest.json; do
  fresh && rm "bad/$name" && mkfifo "bad/$name"
  refuse "not a regular file" report bad --no-verify --format marl-eval
  fresh && edit "s/\"status\": \"done\"/\"status\": \"running\"/"
  rm "bad/$name" && mkfifo "bad/$name"
  refuse "not a regular file" resume bad
  fresh && rm "bad/$name" && mkdir "bad/$name"
  refuse "not a regular file" report bad --no-verify --format marl-eval
  fresh && truncate -s 1T "bad/$name"
  refuse "larger than" report bad --no-verify --format marl-eval
done
fresh && rm bad/metrics.jsonl && mkfifo bad/metrics.jsonl
timeout 20 "$credo" verify bad >out 2>err
[ $? -eq 3 ] && grep -q "^mismatch.*a pipe, not a regular file" out || fail "verify of a pipe: $(cat out err)"
for file in /dev/zero pipe .; do
  refuse "not a regular file" run --env two_step --alg vdn --out x --config "$file"
  refuse "not a regular file" eval good --weights "$file"
done
refuse "not a regular file" replay pipe
refuse "not a regular file" replay /dev/zero
truncate -s 1T endless.toml endless.replay endless.safetensors
refuse "larger than 16 MiB" run --env two_step --alg vdn --out x --profile ./endless.toml
refuse "larger than 16 MiB" suite ./endless.toml --out x
refuse "larger than 64 MiB" replay endless.replay
refuse "larger than 4096 MiB" eval good --weights endless.safetensors
head -c 900000 /dev/zero | tr '\0' '[' >deep
fresh && cp deep bad/manifest.json
refuse "damaged" report bad
fresh && cat deep >bad/metrics.jsonl && echo >>bad/metrics.jsonl
refuse "not an event line" report bad --no-verify

# The plan and the manifest of a suite.
"$credo" suite smoke --only two_step/random --out suite --quiet >/dev/null || fail "suite"
cp -r suite hostile && sed -i "2s|^two_step,|../../precious,|" hostile/plan.csv
refuse "plan.csv:2: unusable name" report hostile
cp suite/plan.csv hostile && sed -i 's|"plan.csv": |"../../dev/zero": |' hostile/manifest.json
refuse "unusable name" verify hostile
rm hostile/manifest.json && mkfifo hostile/manifest.json
refuse "not a regular file" report hostile
refuse "not a regular file" suite smoke --only two_step/random --out hostile
cp suite/manifest.json . && rm -r hostile && mkdir hostile && cp manifest.json hostile &&
  mkfifo hostile/plan.csv
refuse "not a regular file" report hostile
for name in manifest.json plan.csv results.csv curves.csv; do
  rm -rf hostile && cp -r suite hostile && rm -r hostile/runs "hostile/$name"
  ln -s "$scratch/precious/deep/file" "hostile/$name"
  refuse "leads out" report hostile --no-verify
done
untouched "the rest"
[ ! -e x ] || fail "a refused command created its folder"

echo "$failures failures"
[ $failures -eq 0 ]
