#!/bin/bash
# What `credo suite --slurm` writes and how it calls Slurm, with stand-ins for Slurm's programs.
# usage: scripts.sh CREDO
set -u
credo=$(realpath "$1")
suite=$(cd "$(dirname "$0")" && pwd)/small.toml
scratch=$(mktemp -d)
old=
trap '[ -z "$old" ] || kill -KILL "$old"; rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
failures=0
fail() {
  echo "FAILED $*"
  failures=$((failures + 1))
}
mkdir bin
stub() { printf '#!/bin/sh\n%s\n' "$2" >"bin/$1" && chmod +x "bin/$1"; }
stub sbatch "[ \"\$1\" != --version ] || exit 0
echo \"\$*\" >>$scratch/calls; n=\$(wc -l <$scratch/calls)
[ \"\${REFUSE_AFTER:-9}\" -ge \"\$n\" ] || { echo 'limit reached' >&2; exit 1; }
echo \"\$((100 + n));main\""
stub scontrol 'echo "MaxArraySize            = ${ARRAY_SIZE:-2}"'
stub squeue "cat $scratch/queue 2>/dev/null"
export PATH=$scratch/bin:$PATH
out=$scratch/out
slurm=("$credo" suite "$suite" --slurm --out "$out" --partition short --cpus 2 --quiet)

"${slurm[@]}" --dry-run >printed || fail "dry run"
[ ! -e "$out" ] && [ ! -e calls ] || fail "a dry run wrote or submitted something"
grep -q 'array.sh 4$' printed || fail "a dry run does not print the calls"

"${slurm[@]}" --time 1:00:00 || fail "submission"
n=$out/slurm/1
cat >expected <<END
--parsable --array=0-1 $n/array.sh 0
--parsable --array=0-1 $n/array.sh 2
--parsable --array=0-0 $n/array.sh 4
--parsable --dependency=afterany:101:102:103 $n/report.sh
END
cmp -s calls expected || fail "calls: $(diff calls expected)"
[ "$(wc -l <"$n/elements.txt")" = 5 ] || fail "elements: $(cat "$n/elements.txt")"
tail -n 1 "$n/elements.txt" | grep -q 'random/seed_0.*random/seed_1' || fail "short cells do not share"
for line in --partition=short --time=1:00:00 --cpus-per-task=2 --requeue --open-mode=append \
  --signal=B:USR1@120 --array=0-1; do
  grep -qxF -- "#SBATCH $line" "$n/array.sh" || fail "no $line in the script"
done
for script in array report; do bash -n "$n/$script.sh" || fail "$script.sh is no script"; done
cmp -s "$suite" "$n/small.toml" || fail "the suite's file is not kept"

# All is queued; then one element has ended with nothing done.
for job in 101 102; do echo "$job 0 PENDING"; echo "$job 1 RUNNING"; done >queue
echo '103 0 PENDING' >>queue
"${slurm[@]}" && [ ! -e "$out/slurm/2" ] || fail "what is queued was submitted again"
sed -i '/102 1/d' queue
"$credo" suite "$suite" --status --out "$out" >status || fail "status"
grep -qx "resubmit: sbatch --array=1 $n/array.sh 2" status || fail "status: $(cat status)"
grep -q '0 done, 5 queued, 1 missing' status || fail "counts: $(cat status)"
ARRAY_SIZE=1001 "${slurm[@]}" --max-parallel 3 || fail "second submission"
[ "$(cat "$out/slurm/2/elements.txt")" = predator_prey/5x5/qmix/seed_1 ] || fail "not the missing one"
grep -qF -- '--array=0-0%3' calls || fail "--max-parallel"

# sbatch refuses the second part: the first stays recorded.
: >calls
: >queue
REFUSE_AFTER=1 "$credo" suite "$suite" --slurm --out "$scratch/part" --quiet 2>err
[ $? -eq 2 ] && [ "$(wc -l <err)" = 1 ] && grep -q 'limit reached' err || fail "refusal: $(cat err)"
[ "$(cat part/slurm/1/jobs.txt)" = 'array 101 0 2' ] || fail "submitted part not recorded"

# No sbatch at all: one line, and nothing is written.
PATH=$scratch/none "$credo" suite "$suite" --slurm --out "$scratch/none" 2>err
[ $? -eq 2 ] && [ "$(wc -l <err)" = 1 ] && grep -q 'no sbatch here' err || fail "no sbatch: $(cat err)"
[ ! -e none ] || fail "something was written without sbatch"

# An element runs its own cells and nothing else, in a folder that others work in.
"$credo" suite "$suite" --element 1/4 --out "$out" --quiet 2>/dev/null || fail "element"
[ "$(find "$out/runs" -name manifest.json | wc -l)" = 2 ] || fail "element ran other cells"
[ ! -e "$out/tables.md" ] || fail "an element wrote tables"

# An earlier start of the same job that still lives (halted, so that it cannot end first) loses its
# cell to the later one, and stops without having written.
attempt() { # RESTART_COUNT
  SLURM_JOB_ID=9 SLURM_CLUSTER_NAME=main SLURM_RESTART_COUNT=$1 exec "$credo" suite "$suite" \
    --only predator_prey/5x5/vdn/seed_0 --t-max 20000 --out "$scratch/twice"
}
cell=twice/runs/predator_prey/5x5/vdn/seed_0
(attempt 0) >/dev/null 2>old &
old=$!
until [ -s $cell/checkpoints/latest ] || ! kill -0 $old; do sleep 0.02; done
kill -STOP $old
(attempt 1) >/dev/null 2>new || fail "a later start: $(cat new)"
kill -CONT $old
wait $old
code=$?
old=
[ $code -eq 1 ] && grep -q 'taken over by another process; this process has stopped' old ||
  fail "an earlier start: exit code $code: $(cat old)"
"$credo" suite "$suite" --only predator_prey/5x5/vdn/seed_0 --t-max 20000 --out once --quiet >/dev/null || fail "once"
diff -r --exclude=manifest.json once twice || fail "two starts differ from one"
echo "$failures failures"
[ $failures -eq 0 ]
