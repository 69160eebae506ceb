#!/usr/bin/env bash
# What the shipped script makes of the time limit, with stand-ins for the two programs: SIGUSR1 reaches every process ahead of it; a
# job that ends with 75 (checkpointed) goes back into the queue and runs again. That the real programs go on: resume.sh.
. "$(dirname "$0")/cluster.sh"

mkdir stand_ins
cp "$bin/facetrain" stand_ins/
cat >stand_ins/trainer <<END
#!/bin/bash
me=\${OMPI_COMM_WORLD_RANK:-\$SLURM_PROCID}
[ "\${SLURM_RESTART_COUNT:-0}" = 0 ] || { echo "rank \$me goes on"; exit 0; }
trap 'echo "rank \$me: SIGUSR1"; touch $work/\$SLURM_JOB_ID.got.\$me; sleep 0.\$me; exit 75' USR1
touch $work/\$SLURM_JOB_ID.up.\$me
while true; do sleep 0.05; done
END
sed 's/exit 75/exit 0/' stand_ins/trainer >stand_ins/dataservice
chmod +x stand_ins/*

submit() {  # submit NAME LAUNCHER SBATCH'S OPTIONS...: $job, with all its processes up
  local name=$1 launcher=$2
  shift 2
  job=$(FACETRAIN_BIN=$work/stand_ins FACETRAIN_LOGS=$work/$name.logs FACETRAIN_LAUNCHER=$launcher sbatch --parsable --nodes=2 \
    --ntasks-per-node=3 --output="$work/$name.log" "$@" "$project/deploy/slurm/train.sbatch" --config small.toml) || die "sbatch"
  for _ in $(seq 600); do [ "$(ls "$job".up.* 2>/dev/null | wc -l)" = 6 ] && return; sleep 0.1; done
  die "$name: not all processes came up: $(cat "$name.log")"
}
expect_second_run() {  # expect_second_run NAME SECONDS
  local state
  for _ in $(seq $(($2 * 5))); do grep -qs 'requeued 1 times' "$1.log" && break; sleep 0.2; done
  state=$(wait_for_job "$job" 20)
  expect "$1: state after the second run" "$state" COMPLETED
  expect "$1: processes that got SIGUSR1" "$(ls "$job".got.* | wc -l)" 6
  expect_in "$1: the first run" 'ended with 75' "$1.log"
  expect_in "$1: the second run" 'ended with 0' "$1.log"
  expect_clean "$1" 10
}
# The time limit. Slurm may send the signal up to a minute early, and the processes must be up by then.
submit limit srun --time=2 --signal=USR1@50
expect_second_run limit 110
finish
