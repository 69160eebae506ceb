#!/usr/bin/env bash
# Training on two nodes of a real Slurm cluster: the same samples and losses as on one node, with every process where
# --dry-run said it would be. The shipped script, under srun and mpirun; then the other ways to start a job.
. "$(dirname "$0")/cluster.sh"

train() { echo --config small.toml --set "run.trace=$work/$1.jsonl" --set "run.prefix=$1" --set launch.trainers="$2" --set train.epochs=3; }
submit() {  # submit NAME SBATCH'S OPTIONS...: the shipped script; waits and prints the job's state
  local name=$1 job
  shift
  job=$(FACETRAIN_BIN=$bin FACETRAIN_LOGS=$work/$name.logs sbatch --parsable --nodes=2 --output="$work/$name.log" "$@" \
    "$project/deploy/slurm/train.sbatch" $(train "$name" 2)) || die "sbatch"
  expect "$name: state" "$(wait_for_job "$job" 60)" COMPLETED
}

# The reference: one node, four trainers.
timeout 100 "$bin/facetrain" train $(train one_node 4) >one_node.log 2>&1 || die "one node: $(cat one_node.log)"
expect "steps of the reference" "$(wc -l <one_node.jsonl)" 24

plan=$(printf '# rank %s\n' "0  node 0 (n1)  dataservice" "1  node 0 (n1)  trainer 0  CPU  data part 0 of 4" \
  "2  node 0 (n1)  trainer 1  CPU  data part 1 of 4" "3  node 1 (n2)  dataservice" \
  "4  node 1 (n2)  trainer 0  CPU  data part 2 of 4" "5  node 1 (n2)  trainer 1  CPU  data part 3 of 4")
foreseen=$(sed '/dataservice/!s/CPU  //' <<<"$plan")   # where a job is planned, other nodes' GPUs are not known
gpu_plan=$(sed -E 's/(trainer (.)  )CPU/\1GPU \2/' <<<"$plan")

submit srun --ntasks-per-node=3
expect_same_trace srun srun.jsonl one_node.jsonl
expect "srun: foreseen" "$(grep -B99 -m1 '^Training' srun.log | grep '^# ' | head -n 6)" "$foreseen"
expect "srun: what happened" "$(cat srun.logs/*/rank*.log | grep '^# ' | sort -k3n)" "$plan"
expect_in "srun: the job's log" 'Epoch: \[1-3\]' srun.log
expect "srun: a log for each rank" "$(ls srun.logs/*/ | grep rank | tr '\n' ' ')" "rank0.log rank1.log rank2.log rank3.log rank4.log rank5.log "
expect_clean srun 10

# This one with GPUs to share out, which compute nothing.
FACETRAIN_TEST_GPUS=2 FACETRAIN_LAUNCHER=mpirun submit mpirun --ntasks-per-node=3 --gpus-per-node=2
expect_same_trace mpirun mpirun.jsonl one_node.jsonl
expect "mpirun: foreseen" "$(grep -B99 -m1 '^+ mpirun' mpirun.log | grep '^# ' | head -n 6)" "$gpu_plan"
expect "mpirun: what happened" "$(find mpirun.logs -name stdout -exec cat {} + | grep '^# ' | sort -k3n)" "$gpu_plan"
expect_in "mpirun: the job's log" 'Epoch: \[1-3\]' mpirun.log
expect_clean mpirun 10

# mpirun over a hostfile, no Slurm job around it; ssh's place is taken by a step into the node.
printf '#!/bin/bash\nnode=$1; shift\nexec nsenter --target "$(pgrep -f "slurmd -N $node\\$" | head -n 1)" --net --mount --uts -- bash -c "$*"\n' >agent
chmod +x agent
printf 'n1 slots=3\nn2 slots=3\n' >hosts
by_hosts=(--nodes 2 --hostfile hosts $(train hostfile 2))
expect "hostfile: foreseen" "$("$bin/facetrain" train --dry-run "${by_hosts[@]}" | grep '^# ')" "$foreseen"
OMPI_MCA_plm_rsh_agent=$work/agent timeout 60 "$bin/facetrain" train "${by_hosts[@]}" >hostfile.log 2>&1 || fail "hostfile: $(tail hostfile.log)"
expect_same_trace hostfile hostfile.jsonl one_node.jsonl
expect "hostfile: what happened" "$(grep '^# ' hostfile.log | sort -k3n)" "$plan"
expect_clean hostfile 10

export SLURM_CPU_BIND=none   # of steps that are not the script's, which says so itself

# Two programs by --multi-prog; tasks dealt out in turns, so that a node's ranks are not neighbours.
printf '0-1 %s --config small.toml\n2-5 %s --config small.toml\n' "$bin/dataservice" "$bin/trainer" >roles.conf
sed -i "s|\$| $(train multi_prog 2 | sed 's/--config small.toml//')|" roles.conf
timeout 60 srun --nodes=2 --ntasks=6 --ntasks-per-node=3 --distribution=cyclic --mpi=pmix -K1 --multi-prog roles.conf >multi_prog.log 2>&1 ||
  fail "--multi-prog: $(tail multi_prog.log)"
expect_same_trace "--multi-prog" multi_prog.jsonl one_node.jsonl

# ---- wrong launches are answered with the command to use
rank=("$bin/facetrain" rank $(train wrong 2))
timeout 30 srun --nodes=2 --ntasks-per-node=3 --mpi=none "${rank[@]}" >wrong.log 2>&1
expect "without MPI" $? 78
expect_in "without MPI" 'srun --nodes=2 --ntasks-per-node=3 --mpi=pmix' wrong.log
timeout 30 srun --nodes=2 --ntasks-per-node=1 --mpi=pmix "${rank[@]}" >wrong.log 2>&1
expect "services only" $? 78
expect_in "services only" 'one process on a node is too few.*srun --nodes=2 --ntasks-per-node=2' wrong.log
timeout 30 srun --nodes=2 --ntasks-per-node=4 --mpi=pmix -K1 "${rank[@]}" >wrong.log 2>&1
[ $? != 0 ] || fail "a trainer too many: trained"
expect_in "a trainer too many" 'srun --nodes=2 --ntasks-per-node=3 --mpi=pmix' wrong.log
job=$(FACETRAIN_BIN=$bin FACETRAIN_LOGS=$work/logs sbatch --parsable --nodes=2 --ntasks-per-node=4 --output="$work/tasks.log" \
  "$project/deploy/slurm/train.sbatch" $(train wrong 2))
expect "tasks that do not fit" "$(wait_for_job "$job" 30)" FAILED
expect_in "tasks that do not fit" 'sbatch --ntasks-per-node=3, or --set launch.trainers=3' tasks.log
expect_clean "wrong launches" 10
finish
