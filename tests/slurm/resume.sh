#!/usr/bin/env bash
# Jobs of the shipped script, with the real programs, that are interrupted and go on: SIGUSR1, scontrol requeue, scontrol suspend
# and resume, the death of a node's ranks. Each ends with the trace of a job that nobody disturbed, byte for byte, and leaves nothing.
. "$(dirname "$0")/cluster.sh"

submit() {  # submit NAME LAUNCHER OPTIONS...: $job
  local name=$1 launcher=$2
  shift 2
  job=$(FACETRAIN_BIN=$bin FACETRAIN_LOGS=$work/$name.logs FACETRAIN_LAUNCHER=$launcher sbatch --parsable --nodes=2 --ntasks-per-node=3 \
    --output="$work/$name.log" "$project/deploy/slurm/train.sbatch" --config small.toml --set run.prefix="$name" \
    --set run.trace="$work/$name.jsonl" --set launch.trainers=2 --set train.epochs=40 --set checkpoint.minutes=0.0001 "$@") || die "sbatch"
}
under_way() {  # under_way NAME: a quarter of its updates are done
  for _ in $(seq 600); do [ "$(cat "$work/$1.jsonl" 2>/dev/null | wc -l)" -ge 80 ] && return; sleep 0.1; done
  scancel "$job"
  die "$1 did not get under way: $(tail -n 5 "$work/$1.log")"
}
expect_undisturbed() {  # expect_undisturbed NAME: to the end, with the undisturbed job's trace
  local state
  state=$(wait_for_job "$job" 90)
  [ "$state" = RUNNING ] && scancel "$job"
  expect "$1: state" "$state" COMPLETED
  cmp undisturbed.jsonl "$1.jsonl" || fail "$1: other steps than the undisturbed job's"
  expect_clean "$1" 10
}

submit undisturbed srun
expect "undisturbed: state" "$(wait_for_job "$job" 90)" COMPLETED
expect "undisturbed: lines" "$(wc -l <undisturbed.jsonl)" 320

for launcher in srun mpirun; do
  submit usr1-$launcher $launcher
  under_way usr1-$launcher
  if [ $launcher = srun ]; then scancel --signal=USR1 "$job"; else scancel --batch --signal=USR1 "$job"; fi
  expect_undisturbed usr1-$launcher
  expect_in "usr1-$launcher" 'ended with 75' usr1-$launcher.log
  expect_in "usr1-$launcher" 'Going on from .*step_' "$work/runs/usr1-$launcher/training.log"
done

submit requeued srun
under_way requeued
scontrol requeue "$job"
expect_undisturbed requeued
expect_in requeued 'requeued 1 times' requeued.log
expect_in requeued 'Going on from .*step_' "$work/runs/requeued/training.log"

submit suspended srun --set limits.silence=4
under_way suspended
scontrol suspend "$job"
sleep 7
scontrol resume "$job"
expect_undisturbed suspended

submit killed srun
under_way killed
kill -KILL $(pids n2 trainer) $(pids n2 dataservice)
expect "killed: state" "$(wait_for_job "$job" 30)" FAILED
expect_clean killed 10
submit killed srun   # the same command
expect_undisturbed killed
finish
