# Rows 5 and 8 of tests/bench/run.sh trainer: bench_rank_steps under mpirun, and nccl-tests where it is installed.
#   ranks.sh [ROW...]
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
rows=" ${*:-5 8} "
gpus=$(nvidia-smi -L 2>/dev/null | grep -c '^GPU ')
under_mpi() { mpirun --bind-to none --oversubscribe -np "$@"; }
ranks() { local n=$1; shift; under_mpi "$n" "$bench_bin/bench_rank_steps" "$@"; }
if [[ $rows == *" 5 "* ]]; then
  if [ "$gpus" -lt 2 ]; then
    ranks 2 5 --cpu
    echo "ROW 5 - target 0.95 not-run bus bandwidth of a 16 MiB all-reduce / nccl-tests: no two GPUs"
  else
    output=$(ranks "$gpus" 5)
    echo "$output"
    ours=$(sed -n 's/^INFO 5 .* \([0-9.]*\) GB\/s$/\1/p' <<<"$output")
    what="bus bandwidth of a 16 MiB all-reduce, $gpus GPUs / nccl-tests"
    if ! command -v all_reduce_perf >/dev/null; then
      echo "ROW 5 - target 0.95 not-run $what: no all_reduce_perf (nccl-tests) on PATH; ours $ours GB/s"
    else  # its busbw is the 8th column of the line of out-of-place results
      peer=$(all_reduce_perf -b 16M -e 16M -g "$gpus" -n 50 | awk '$1 == 16777216 {print $8}')
      awk -v o="$ours" -v p="$peer" -v w="$what" \
        'BEGIN {r = o / p; printf "ROW 5 %.3f target 0.95 %s %s (%s, %s GB/s)\n", r, (r >= .95 ? "ok" : "short"), w, o, p}'
    fi
  fi
fi
if [[ $rows == *" 8 "* ]]; then
  ranks 2 8
  under_mpi 2 "$bench_bin/bench_scaling"  # the scaling model's predictions beside measurements
fi
