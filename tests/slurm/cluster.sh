#!/bin/bash
# A suite through a real Slurm of one node on loopback: a killed task, requeues, a restarted
# controller, what is missing submitted again; the results are those of a local run, byte by byte.
# usage: cluster.sh CREDO; exit code 77: Slurm cannot run here
set -u
credo=$1
suite=$(cd "$(dirname "$0")" && pwd)/small.toml
for program in slurmctld slurmd munged sbatch; do
  command -v $program >/dev/null || PATH=$PATH:/usr/sbin
  command -v $program >/dev/null || { echo "SKIPPED: no $program here (slurm-wlm, munge)"; exit 77; }
done
[ "$(id -u)" -eq 0 ] || { echo "SKIPPED: Slurm's daemons need root"; exit 77; }
scratch=$(mktemp -d)
chmod 755 "$scratch"
stop() {
  local daemon
  for daemon in slurmd slurmctld munged; do
    [ -s "$scratch/run/$daemon.pid" ] && kill "$(cat "$scratch/run/$daemon.pid")" 2>/dev/null
  done
  sleep 1
  for daemon in slurmd slurmctld munged; do
    [ -s "$scratch/run/$daemon.pid" ] && kill -9 "$(cat "$scratch/run/$daemon.pid")" 2>/dev/null
  done
  rm -rf "$scratch"
}
trap stop EXIT
trap 'exit 1' INT TERM
cd "$scratch" || exit 1
give_up() {
  echo "FAILED $*"
  squeue --array
  "$credo" suite "$suite" --status --out "$out"
  tail -n 20 "$out"/slurm/*/log/* log/slurmctld.log
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
SlurmUser=root
SlurmdUser=root
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
  --seed-file="$scratch/run/munge.seed" || { echo "SKIPPED: munged does not start"; exit 77; }
slurmctld -c && sleep 1 && slurmd || { echo "SKIPPED: Slurm does not start"; exit 77; }

# within SECONDS CONDITION: polls.
within() {
  local left=$(($1 * 5))
  until eval "$2"; do
    left=$((left - 1))
    [ $left -gt 0 ] || return 1
    sleep 0.2
  done
}
out="$scratch/a folder"
within 30 'sinfo --noheader | grep -q idle' || give_up "the node does not come up"
"$credo" suite "$suite" --jobs 2 --out local --quiet >/dev/null || exit 1

"$credo" suite "$suite" --slurm --out "$out" || give_up "submission"
job=$(awk '$1 == "array" {print $2}' "$out/slurm/1/jobs.txt")
cell() { echo "$out/runs/predator_prey/5x5/$1"; }
saved() { [ -s "$(cell "$1")/.lock" ] && [ -s "$(cell "$1")/checkpoints/latest" ]; }
owner() { sed -n 's/.*"pid":\([0-9]*\).*/\1/p' "$(cell "$1")/.lock"; }

within 60 'saved vdn/seed_0 && saved vdn/seed_1' || give_up "no element begins"
kill -9 "$(owner vdn/seed_0)"
scontrol requeue "${job}_1" || fail "requeue"
kill "$(cat run/slurmctld.pid)"
within 20 '[ ! -e /proc/$(cat run/slurmctld.pid 2>/dev/null || echo 0) ]' || fail "controller stays"
slurmctld
within 60 'saved qmix/seed_0' || give_up "nothing goes on after the restart of the controller"
scancel --signal=USR1 --batch "${job}_2"

# Requeued jobs may begin in two minutes; the test need not wait for that.
drained() {
  local id
  for id in $(squeue --noheader --array --states=PD --format='%i %r' | awk '/BeginTime/ {print $1}'); do
    scontrol update "jobid=$id" starttime=now 2>/dev/null
  done
  [ -z "$(squeue --noheader 2>&1)" ]
}
within 120 drained || give_up "the queue does not empty"
"$credo" suite "$suite" --status --out "$out" | tee status
grep -q '^6 cells: 5 done, 1 interrupted' status || fail "status"
grep -q '^interrupted .*vdn/seed_0' status || fail "the killed cell is not listed"
grep -q '^resubmit: sbatch --array=0 ' status || fail "no list to submit again"
grep -q 'back into the queue' "$out/slurm/1/log/${job}_2.out" || fail "no requeue after USR1"

"$credo" suite "$suite" --slurm --out "$out" || give_up "second submission"
[ "$(cat "$out/slurm/2/elements.txt")" = predator_prey/5x5/vdn/seed_0 ] || fail "more than the missing"
within 60 drained || give_up "the second queue does not empty"

for file in tables.md results.csv curves.csv; do
  cmp "local/$file" "$out/$file" || fail "$file differs"
done
for run in vdn/seed_0 vdn/seed_1 qmix/seed_0 qmix/seed_1 random/seed_0 random/seed_1; do
  for file in config.toml metrics.jsonl eval_episodes.csv; do
    cmp "local/runs/predator_prey/5x5/$run/$file" "$(cell $run)/$file" || fail "$run/$file differs"
  done
  "$credo" verify "$(cell $run)" >/dev/null || fail "$run does not verify"
done
for run in vdn/seed_1 qmix/seed_0; do
  grep -q '"resumes": [1-9]' "$(cell $run)/manifest.json" || fail "$run was never resumed"
done
echo "$failures failures"
[ $failures -eq 0 ]
