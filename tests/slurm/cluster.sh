#!/bin/bash
# A suite through a real Slurm of one node on loopback: a killed task, requeues, a restarted
# controller, what is missing submitted again; the results are those of a local run, byte by byte.
# usage: cluster.sh CREDO
set -u
credo=$(realpath "$1")
suite=$(cd "$(dirname "$0")" && pwd)/small.toml
PATH=$PATH:/usr/sbin:/sbin
for program in slurmctld slurmd munged sbatch; do
  command -v $program >/dev/null && continue
  echo "FAILED no $program here: install the Debian packages munge and slurm-wlm (make test does)"
  exit 1
done
scratch=$(mktemp -d)
chmod 755 "$scratch"
# Everything below ends by then, whatever hangs.
deadline=$((SECONDS + 500))

# The daemons and what is left of their jobs, known by the configuration in their environment.
cluster_processes() {
  local file
  for file in /proc/[0-9]*/environ; do
    grep -qsz "^SLURM_CONF=$scratch/slurm.conf\$" "$file" || continue
    file=${file#/proc/}
    [ "${file%/environ}" = "$BASHPID" ] || echo "${file%/environ}"
  done
  cat "$scratch"/run/*.pid 2>/dev/null
}
gone() { # DAEMON
  ! kill -0 "$(cat "$scratch/run/$1.pid" 2>/dev/null)" 2>/dev/null
}
stop() {
  trap '' INT TERM
  local pid try
  if ! gone slurmctld; then
    timeout 5 scancel --quiet --user="$(id -un)" 2>/dev/null
    for try in $(seq 25); do
      [ -n "$(timeout 5 squeue --noheader --states=all --format=%T 2>/dev/null |
        grep -E 'RUNNING|COMPLETING')" ] || break
      sleep 0.2
    done
  fi
  for pid in $(cluster_processes); do kill "$pid" 2>/dev/null; done
  for try in $(seq 25); do
    gone slurmctld && gone slurmd && gone munged && break
    sleep 0.2
  done
  for pid in $(cluster_processes); do kill -KILL "$pid" 2>/dev/null; done
  cd / && rm -rf "$scratch"
}
trap stop EXIT
trap 'exit 1' HUP INT TERM
cd "$scratch" || exit 1
out="$scratch/a folder"
give_up() {
  echo "FAILED $*"
  timeout 5 squeue --array
  [ ! -d "$out" ] || timeout 20 "$credo" suite "$suite" --status --out "$out"
  tail -n 20 "$out"/slurm/*/log/* log/*.log
  exit 1
}
failures=0
fail() {
  echo "FAILED $*"
  failures=$((failures + 1))
}

mkdir state spool log run
dd if=/dev/urandom of=munge.key bs=1 count=1024 2>/dev/null
chmod 600 munge.key
chmod 755 run
host=$(hostname -s)
port=$((20000 + 2 * ($$ % 5000)))
memory=$(($(awk '/^MemTotal/ {print $2}' /proc/meminfo) / 1024 / 2))
cat >slurm.conf <<END
ClusterName=credo
SlurmctldHost=$host(127.0.0.1)
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
SlurmdParameters=config_overrides
AuthType=auth/munge
AuthInfo=socket=$scratch/run/munge.sock
CredType=cred/munge
CryptoType=crypto/munge
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmctldPort=$port
SlurmdPort=$((port + 1))
StateSaveLocation=$scratch/state
SlurmdSpoolDir=$scratch/spool
SlurmctldPidFile=$scratch/run/slurmctld.pid
SlurmdPidFile=$scratch/run/slurmd.pid
SlurmctldLogFile=$scratch/log/slurmctld.log
SlurmdLogFile=$scratch/log/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
MpiDefault=none
SchedulerType=sched/backfill
SchedulerParameters=sched_min_interval=0,batch_sched_delay=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
MinJobAge=300
KillWait=2
JobRequeue=1
SlurmctldTimeout=60
SlurmdTimeout=60
NodeName=$host NodeAddr=127.0.0.1 CPUs=2 RealMemory=$memory State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE State=UP
END
export SLURM_CONF=$scratch/slurm.conf
munged --key-file="$scratch/munge.key" --socket="$scratch/run/munge.sock" --force \
  --pid-file="$scratch/run/munged.pid" --log-file="$scratch/log/munged.log" \
  --seed-file="$scratch/run/munge.seed" || give_up "munged does not start"
slurmctld -c || give_up "slurmctld does not start"
sleep 1
slurmd || give_up "slurmd does not start"

within() { # SECONDS CONDITION
  local end=$((SECONDS + $1))
  until eval "$2"; do
    [ $SECONDS -lt $end ] && [ $SECONDS -lt $deadline ] || return 1
    sleep 0.1
  done
}
within 200 'sinfo --noheader | grep -q idle' || give_up "the node does not come up"
"$credo" suite "$suite" --jobs 2 --out local --quiet >/dev/null || give_up "the local run"

"$credo" suite "$suite" --slurm --out "$out" || give_up "submission"
job=$(awk '$1 == "array" {print $2}' "$out/slurm/1/jobs.txt")
cell() { echo "$out/runs/predator_prey/5x5/$1"; }
owner() { # the living process that holds a cell
  local pid
  pid=$(sed -n 's/.*"pid":\([0-9]*\).*/\1/p' "$(cell "$1")/.lock" 2>/dev/null)
  [ -z "$pid" ] || [ ! -e "/proc/$pid" ] || echo "$pid"
}
# At work, with something to go on from.
saved() { [ -n "$(owner "$1")" ] && [ -s "$(cell "$1")/checkpoints/latest" ]; }

# Element 0 loses its program and element 1 goes back into the queue; the controller is restarted
# meanwhile.
within 200 'saved vdn/seed_0' || give_up "no element begins"
kill -KILL "$(owner vdn/seed_0)" || give_up "the task ended before it could be killed"
within 200 'saved vdn/seed_1' || give_up "no second element begins"
scontrol requeue "${job}_1" || fail "requeue"
kill "$(cat run/slurmctld.pid)"
within 200 'gone slurmctld' || give_up "the controller does not stop"
slurmctld || give_up "the controller does not start again"
# Element 2 gets the signal that Slurm sends ahead of a time limit.
within 300 'saved qmix/seed_0' || give_up "nothing goes on after the restart of the controller"
scancel --signal=USR1 --batch "${job}_2" || fail "no signal"

# Requeued jobs may begin in two minutes; the test need not wait for that.
drained() {
  local id
  for id in $(squeue --noheader --array --states=PD --format='%i %r' | awk '/BeginTime/ {print $1}'); do
    scontrol update "jobid=$id" starttime=now 2>/dev/null
  done
  [ -z "$(squeue --noheader 2>&1)" ]
}
within 300 drained || give_up "the queue does not empty"
"$credo" suite "$suite" --status --out "$out" >status || fail "status"
cat status
grep -q '^6 cells: 5 done, 1 interrupted' status || fail "status"
grep -q '^interrupted .*vdn/seed_0' status || fail "the killed cell is not listed"
grep -q 'back into the queue' "$out/slurm/1/log/${job}_2.out" || fail "no requeue after USR1"
grep -q 'only 5 of 6 cells have run' "$out"/slurm/1/log/report_*.out || fail "the report job"
for run in vdn/seed_1 qmix/seed_0; do
  grep -q '"resumes": [1-9]' "$(cell $run)/manifest.json" || fail "$run was never resumed"
done

again=$(sed -n 's/^resubmit: //p' status)
tables=$(sed -n 's/^afterwards: //p' status)
[ "$(wc -l <<<"$again")" = 1 ] && [[ $again == "sbatch --array=0 "* ]] || fail "resubmit: $again"

# What is missing is submitted again, but does not begin, and is cancelled.
scontrol update partitionname=main state=down || fail "partition down"
"$credo" suite "$suite" --slurm --out "$out" || give_up "second submission"
[ "$(cat "$out/slurm/2/elements.txt")" = predator_prey/5x5/vdn/seed_0 ] || fail "more than the missing"
scancel $(awk '{print $2}' "$out/slurm/2/jobs.txt")
within 200 drained || give_up "the queue does not empty after a cancellation"
scontrol update partitionname=main state=up || fail "partition up"

# A program that Slurm knows nothing of is at the cell, from its start on: an old task whose job is
# gone. It is halted, so that it is still there when the next one comes.
rm -rf "$(cell vdn/seed_0)"
"$credo" suite "$out/slurm/1/small.toml" --out "$out" --progress plain --element 1/0 --threads 1 \
  >log/orphan.out 2>&1 &
orphan=$!
end=$((SECONDS + 60))
until [ "$(owner vdn/seed_0)" = "$orphan" ]; do
  [ $SECONDS -lt $end ] || give_up "the old program does not begin"
done
kill -STOP "$orphan" || give_up "the old program ended before it could be halted"
"$credo" suite "$suite" --status --out "$out" >status || fail "second status"
grep -q "^running .*vdn/seed_0  (process $orphan on " status || fail "the orphan: $(cat status)"

# Submitted by the command that was printed, the cell is left to the old program, and seen to again
# after a requeue.
job=$(eval "$again" | sed -n 's/Submitted batch job //p')
within 200 'grep -q "back into the queue" "$out/slurm/1/log/${job}_0.out" 2>/dev/null' ||
  give_up "no requeue beside the old program"
grep -q "left alone.* (process $orphan on " "$out/slurm/1/log/${job}_0.out" || fail "not left alone"
kill -CONT "$orphan"
within 200 drained || give_up "the queue does not empty beside the old program"
eval "$tables" || fail "tables: $tables"
within 200 drained || give_up "the queue does not empty after the tables"
"$credo" suite "$suite" --slurm --out "$out" 2>nothing || fail "third submission"
grep -q 'nothing to submit: of 6 cells 6 are finished' nothing || fail "$(cat nothing)"

# The same bytes as the local run, manifests (clocks) aside.
for file in plan.csv tables.md results.csv curves.csv; do
  cmp "local/$file" "$out/$file" || fail "$file differs"
done
diff -r --exclude=manifest.json local/runs "$out/runs" || fail "the runs differ"
"$credo" report "$out" --out merged --quiet >/dev/null || fail "merge"
cmp local/results.csv merged/results.csv && cmp local/curves.csv merged/curves.csv || fail "merged"
"$credo" verify "$out" >verified 2>&1 || fail "verify: $(cat verified)"
[ $failures -eq 0 ] || tail -n 20 "$out"/slurm/*/log/* log/*.log
echo "$failures failures after $SECONDS seconds"
[ $failures -eq 0 ]
