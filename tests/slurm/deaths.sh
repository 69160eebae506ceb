#!/usr/bin/env bash
# Jobs that end before their time: the ranks of a node are killed, a node is cut off the network, the job is cancelled. Each
# ends in bounded time, and nothing of it stays on the nodes.
. "$(dirname "$0")/cluster.sh"

begin_job() {  # begin_job NAME LAUNCHER [OPTIONS...]: $job trains without end, past its first steps
  job=$(FACETRAIN_BIN=$bin FACETRAIN_LOGS=$work/$1.logs FACETRAIN_LAUNCHER=$2 sbatch --parsable --nodes=2 --ntasks-per-node=3 \
    --gpus-per-node=2 --no-requeue --output="$work/$1.log" "$project/deploy/slurm/train.sbatch" --config small.toml --set run.prefix="$1" \
    --set launch.trainers=2 --set train.epochs=100000 --set 'run.frequency_log=4' "${@:3}") || die "sbatch"
  wait_for_line 'Epoch' "$work/runs/$1/training.log" 60 || cat "$work/$1.log"
  expect "$1: trainers on n2" "$(pids n2 trainer | wc -l)" 2
  expect "$1: the GPUs that each process sees" "$(visible_gpus)" "6 CUDA_VISIBLE_DEVICES=0,1"
}
visible_gpus() {
  local p
  for p in $(pgrep -x 'trainer|dataservice'); do tr '\0' '\n' <"/proc/$p/environ" | grep '^CUDA_VISIBLE'; done |
    sort | uniq -c | sed 's/^ *//'
}
expect_end() {  # expect_end NAME STATES SECONDS: the job is over within that time
  local state since=$SECONDS
  state=$(wait_for_job "$job" "$3")
  if [[ " $2 " == *" $state "* ]]; then
    echo "ok   $1: $state after $((SECONDS - since)) s"
  else
    fail "$1: state $state after $((SECONDS - since)) s, expected one of: $2; $(tail -n 5 "$work/$1.log")"
  fi
}

for launcher in srun mpirun; do
  begin_job killed-$launcher $launcher
  kill -KILL $(pids n2 trainer) $(pids n2 dataservice)
  expect_end killed-$launcher FAILED 20
  expect_clean killed-$launcher 10

  begin_job cancelled-$launcher $launcher
  scancel "$job"
  expect_end cancelled-$launcher CANCELLED 20
  expect_clean cancelled-$launcher 10
done

# The processes of n1 miss the heartbeats of n2's and end the job; slurmctld hears of it too (SlurmdTimeout, 10 s here). What runs on n2 goes when the node
# is back, since nobody can reach it before.
begin_job cut-off srun --set limits.silence=5
cut n2
wait_for_line 'on n2. and 2 more processes gave no sign of life' "$work/cut-off.log" 15
expect_in "cut-off: who" 'dataservice .rank 0 on n1.: rank [345] .[a-z]* on n2. and 2 more processes gave no sign of life for [0-9]+ s' "$work/cut-off.log"
expect_end cut-off "NODE_FAIL FAILED CANCELLED" 60
expect "cut-off: still on n1" "$(pids n1 trainer; pids n1 dataservice)" ""
join n2
expect_clean cut-off 120   # slurmstepd of n2 first tries for a while to tell the srun that is gone
for _ in $(seq 100); do [ "$(sinfo -h -N -o %T | grep -c '^idle$')" = 2 ] && break; sleep 0.2; done
expect "cut-off: nodes in use again" "$(sinfo -h -N -o %T | sort -u)" idle
finish
