#!/bin/bash
# Files that change behind the back of a run, memory that runs out, terminals that go: what the
# program says, its exit codes, and what a run is called afterwards.
# usage: integrity.sh CREDO
set -u
credo=$(realpath "$1")
# shellcheck source=tests/cli/scratch.sh
. "$(dirname "$0")/scratch.sh"

flip() { # FILE OFFSET
  local byte
  byte=$(od -An -tu1 -j "$2" -N1 "$1")
  printf "\\x$(printf %02x $((byte ^ 1)))" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}

run=(run --env predator_prey/5x5 --alg vdn --set env.limit=25 --seed 3 --threads 1
     --set run.checkpoint_interval=500 --set evaluation.interval=500 --set run.log_interval=100
     --set learner.batch_size=8 --set evaluation.episodes=2)
"$credo" "${run[@]}" --t-max 3000 --quiet --out truth >/dev/null || fail "run"

# Stopped once there are two checkpoints to choose from, by a signal that a closed terminal sends;
# nobody reads what it says then.
stop() { # SIGNAL FOLDER; the last line of stderr in err
  "$credo" "${run[@]}" --t-max 100000000 --progress plain --out "$2" >/dev/null 2>"${3:-err}" &
  local child=$! i
  for ((i = 0; i < 1200; i++)); do
    [ "$(find "$2/checkpoints" -name 'step_*.state' 2>/dev/null | wc -l)" -ge 2 ] && break
    sleep 0.1
  done
  kill "-$1" $child
  wait $child
  local got=$?
  [ $got -eq 75 ] || fail "SIG$1: exit code $got: $(cat err)"
}
stop HUP stopped
step=$(sed 's/step_\([0-9]*\).*/\1/' stopped/checkpoints/latest)
said="interrupted at step $step of 100000000; .credo resume stopped."
grep -q "stopped by SIGHUP: $said" err || fail "SIGHUP: $(cat err)"
grep -q '"status": "interrupted"' stopped/manifest.json || fail "the manifest of a stopped run"
[ -e /dev/full ] && stop HUP unheard /dev/full && grep -q '"status": "interrupted"' unheard/manifest.json

# Interrupted everywhere, also after a kill.
cp -r stopped killed && sed -i 's/"status": "interrupted"/"status": "running"/' killed/manifest.json
for folder in stopped killed; do
  said="interrupted at step $step of 100000000; .credo resume $folder."
  expect 0 "$said" report $folder
  grep -q "0/1 done, 1 interrupted" out || fail "report of $folder: $(cat out)"
  expect 0 ",interrupted,$step," report $folder --format csv --runs
  expect 2 "$said" verify $folder
  expect 2 "$said" "${run[@]}" --t-max 100000000 --out $folder
done
# Under nohup the signal stays ignored.
(trap '' HUP && exec "$credo" "${run[@]}" --t-max 3000 --quiet --out nohup >/dev/null 2>err) &
sleep 0.3
kill -HUP $!
wait $! || fail "SIGHUP under nohup: $(cat err)"

# One flipped byte of an interrupted run.
for name in metrics.jsonl eval_episodes.csv; do
  rm -rf bad && cp -r stopped bad && flip bad/$name 60
  expect 2 "bad/$name: its first .* bytes changed since the checkpoint of step" resume bad
done
rm -rf bad && cp -r stopped bad && flip bad/checkpoints/best.safetensors 2000
expect 2 "best.safetensors: damaged weights" eval bad --checkpoint best
timeout 2 "$credo" resume bad >out 2>err
grep -q "best.safetensors was damaged; restored from the checkpoint" err || fail "best: $(cat err)"

# A finished run that was edited.
cp -r truth edited && sed -i '2s/"episode":/"episode":1/' edited/metrics.jsonl
for command in "report edited" "report edited --format csv" "compare truth edited"; do
  # shellcheck disable=SC2086
  expect 3 "edited/metrics.jsonl: changed since it was recorded" $command
  # shellcheck disable=SC2086
  expect 0 "" $command --no-verify
done
suite=(suite smoke --only 'two_step/random' --quiet --jobs 1 --out suite)
expect 0 "" "${suite[@]}"
flip suite/runs/two_step/random/seed_1/eval_episodes.csv 50
expect 3 "seed_1/eval_episodes.csv: changed since it was recorded" "${suite[@]}"
expect 0 "" "${suite[@]}" --no-verify
expect 3 "seed_1/eval_episodes.csv: changed" report suite

# Too little memory: failed with the reason, and with more the run goes on.
(ulimit -v 100000 && exec timeout 60 "$credo" run --env two_step --alg qmix --t-max 4 --threads 1 \
  --set agent.hidden_dim=2048 --set evaluation.episodes=1 --quiet --out lean) >out 2>err
code=$?
[ $code -eq 1 ] && grep -q "^credo: error: lean: run failed: out of memory$" err ||
  fail "out of memory: exit code $code: $(cat err)"
grep -q '"status": "failed"' lean/manifest.json && grep -q '"reason": "out of memory"' lean/manifest.json ||
  fail "out of memory: $(cat lean/manifest.json)"
expect 0 "mean return" resume lean --quiet

echo "$failures failures"
[ $failures -eq 0 ]
