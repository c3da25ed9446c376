#!/bin/bash
# A run that is killed, stopped by a signal or out of disk, and then resumed, leaves the same bytes
# as one that was left alone.
# usage: kill_and_resume.sh CREDO [RANDOM_SEED]
set -u
credo=$(realpath "$1")
RANDOM=${2:-1}
# shellcheck source=tests/cli/scratch.sh
. "$(dirname "$0")/scratch.sh"

same() { # FOLDER LABEL
  local name
  for name in config.toml metrics.jsonl eval_episodes.csv; do
    cmp -s "truth/$name" "$1/$name" || fail "$2: $name differs"
  done
  local weights
  for weights in $(cd truth && ls checkpoints/*.safetensors); do
    cmp -s "truth/$weights" "$1/$weights" || fail "$2: $weights differ"
  done
  "$credo" verify "$1" >/dev/null || fail "$2: verify"
}

run=(run --env predator_prey/5x5 --alg qmix_gre --set env.limit=25 --t-max 6000 --quiet
     --set run.checkpoint_interval=500 --set evaluation.interval=700 --set run.log_interval=300
     --set learner.batch_size=16 --set evaluation.episodes=5 --set run.keep_weights=0,30%,evaluations
     --threads 1)
began=$(date +%s%N)
"$credo" "${run[@]}" --out truth >/dev/null || exit 1
took_ms=$((($(date +%s%N) - began) / 1000000))

# SIGKILL at random moments, several times in a row, until a resume gets through.
for round in 1 2 3; do
  "$credo" "${run[@]}" --out "killed$round" >/dev/null 2>&1 &
  kills=0
  while [ $kills -lt 6 ]; do
    sleep "$(printf '%d.%03d' $((RANDOM % (took_ms / 2 + 1) / 1000)) $((RANDOM % (took_ms / 2 + 1) % 1000)))"
    kill -KILL $! 2>/dev/null || break
    wait $! 2>/dev/null
    kills=$((kills + 1))
    if [ ! -e "killed$round/manifest.json" ]; then
      "$credo" "${run[@]}" --out "killed$round" >/dev/null 2>&1 &
    else
      "$credo" resume "killed$round" --quiet >/dev/null 2>&1 &
    fi
  done
  wait $!
  "$credo" resume "killed$round" --quiet >/dev/null || fail "resume after $kills kills"
  same "killed$round" "SIGKILL x$kills"
done

# Signals: a checkpoint, exit code 75, and the way to go on.
for signal in INT TERM USR1 HUP; do
  "$credo" "${run[@]}" --out "stopped$signal" >/dev/null 2>&1 &
  sleep "$(printf '%d.%03d' $((took_ms / 4 / 1000)) $((took_ms / 4 % 1000)))"
  kill -$signal $!
  wait $!
  code=$?
  [ $code -eq 75 ] || fail "SIG$signal: exit code $code"
  [ -e "stopped$signal/checkpoints/latest" ] || fail "SIG$signal: no checkpoint"
  "$credo" resume "stopped$signal" --quiet >/dev/null || fail "resume after SIG$signal"
  same "stopped$signal" "SIG$signal"
done

# Without `latest` a run goes on from its newest state; one that has lost its checkpoints is left as it is.
"$credo" "${run[@]}" --out lost >/dev/null 2>&1 &
sleep "$(printf '%d.%03d' $((took_ms / 4 / 1000)) $((took_ms / 4 % 1000)))"
kill -INT $!
wait $!
rm lost/checkpoints/latest
cp -r lost bare && rm -r bare/checkpoints && cp bare/metrics.jsonl before
"$credo" resume bare >/dev/null 2>err
[ $? -eq 2 ] && grep -q "bare/checkpoints: missing" err || fail "without checkpoints: $(cat err)"
[ -s before ] && cmp before bare/metrics.jsonl || fail "a refused resume changed metrics.jsonl"
"$credo" resume lost >/dev/null 2>err || fail "resume without latest: $(cat err)"
same lost "without latest"

# A disk that fills up in the middle (here: a limit on file sizes): one line, exit code 1; with room
# again the run goes on.
(ulimit -f 40 && exec "$credo" "${run[@]}" --out full) >/dev/null 2>err
code=$?
[ $code -eq 1 ] || fail "full disk: exit code $code"
[ "$(wc -l <err)" -eq 1 ] && grep -q "^credo: error: full: run failed: cannot " err ||
  fail "full disk: $(cat err)"
"$credo" resume full --quiet >/dev/null || fail "resume after a full disk"
same full "full disk"

# A replay of several parts: killed while they are written, resumed, the same bytes, and no part left.
run=(run --env skirmish/27m_vs_30m --alg vdn --t-max 8000 --quiet --threads 1 --set agent.hidden_dim=4
     --set learner.batch_size=2 --set replay.capacity=120 --set rollout.updates_per_episode=0.02
     --set evaluation.interval=3000 --set evaluation.episodes=1 --set run.absolute_factor=0
     --set run.checkpoint_interval=500)
rm -rf truth
began=$(date +%s%N)
"$credo" "${run[@]}" --out truth >/dev/null || exit 1
took_ms=$((($(date +%s%N) - began) / 1000000))
"$credo" "${run[@]}" --out pieces >/dev/null 2>&1 &
for _ in 1 2 3 4 5 6 7 8; do
  sleep "$(printf '%d.%03d' $((RANDOM % (took_ms / 3 + 1) / 1000)) $((RANDOM % (took_ms / 3 + 1) % 1000)))"
  kill -KILL $! 2>/dev/null || break
  wait $! 2>/dev/null
  if [ -e pieces/manifest.json ]; then
    "$credo" resume pieces --quiet >/dev/null 2>&1 &
  else
    "$credo" "${run[@]}" --out pieces >/dev/null 2>&1 &
  fi
done
wait $!
"$credo" resume pieces --quiet >/dev/null || fail "resume with parts of a replay"
same pieces "parts of a replay"
left=$(find pieces truth -name '*.part' -o -name '*.state' -o -name '*.tmp')
[ -z "$left" ] || fail "left over: $left"

# A finished run stays finished.
"$credo" resume truth >/dev/null 2>err || fail "resume of a finished run"
grep -q "already finished" err || fail "resume of a finished run: $(cat err)"

# A suite that is interrupted and called again ends in the same tables.
suite=(suite smoke --only two_step --t-max 3000 --jobs 2 --quiet)
"$credo" "${suite[@]}" --out whole >whole.md || fail "suite"
"$credo" "${suite[@]}" --out parts >/dev/null 2>&1 &
sleep 0.5
kill -INT $! 2>/dev/null
wait $!
code=$?
[ $code -eq 75 ] || [ $code -eq 0 ] || fail "suite after SIGINT: exit code $code"
"$credo" "${suite[@]}" --out parts >parts.md || fail "suite called again"
cmp whole.md parts.md || fail "suite tables differ"
cmp whole/results.csv parts/results.csv || fail "suite results differ"
"$credo" "${suite[@]}" --out parts >again.md || fail "finished suite called again"
cmp whole.md again.md || fail "finished suite tables differ"
"$credo" verify parts >/dev/null || fail "verify of a suite"
"$credo" "${suite[@]}" --out parts --set learner.gamma=0.5 >/dev/null 2>err
[ $? -eq 2 ] && grep -q "another configuration" err || fail "suite with another configuration"

echo "$failures failures"
[ $failures -eq 0 ]
