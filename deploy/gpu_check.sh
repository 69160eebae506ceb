#!/usr/bin/env bash
# Everything that needs a GPU, in under 8 minutes: NCCL at 1..n ranks, the ring's memory registered with CUDA, each kernel and each step
# beside the CPU's, training end to end, overflow, the out-of-memory message, then the trainer's benchmarks. Prints a line a check,
#   ok|failed|not-run <seconds> <check>: <what it said last>
# and writes them to tests/bench/results/gpu_<date>_<machine>.md (and to $OUT, where that is set).
#   ./deploy/gpu_check.sh [--bundle FILE | --bin FOLDER] [--seconds N] [--results FOLDER] [--only PATTERN] [--dry]
#     --bundle   the programs of deploy/bundle.sh, on a machine that has LibTorch but builds nothing; else those of build-cuda/bin
#     --seconds  ends after so many (470): what is not reached by then reads not-run
#     --only     the checks whose names match the extended regular expression
#     --dry      no GPU needed: each check reads not-run, but one whose program, test case or script is not there has failed
# Exit code: 0 nothing failed, 1 something did, 77 no GPU here (nothing ran), 78 the programs cannot start here.
# A session that is lent a machine: ./deploy/setup.sh --gpu && ./deploy/bundle.sh, then one call of `run` with carry
# ["build-cuda/facetrain-bundle.tar.gz"], timeout_s 560 and the command
#   bash deploy/gpu_check.sh --bundle build-cuda/facetrain-bundle.tar.gz
set -uo pipefail
from=$PWD   # paths given are the caller's
cd "$(dirname "$0")/.." || exit 1
. deploy/steps.sh

bundle=
bin=build-cuda/bin
seconds=470
results=tests/bench/results
only=.
dry=
while [ $# -gt 0 ]; do
  case $1 in
    --bundle) bundle=$(cd "$from" && realpath -m "${2:?}"); shift 2 ;;
    --bin) bin=$(cd "$from" && realpath -m "${2:?}"); shift 2 ;;
    --seconds) seconds=${2:?}; shift 2 ;;
    --results) results=$(cd "$from" && realpath -m "${2:?}"); shift 2 ;;
    --only) only=${2:?}; shift 2 ;;
    --dry) dry=1; shift ;;
    *) sed -n '2,16p' "$0" | sed 's/^# \{0,1\}//'; exit 2 ;;
  esac
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 HWLOC_HIDE_ERRORS=2
with=()   # what goes before each program
if [ -n "$bundle" ]; then
  tar -C "$work" -xzf "$bundle" || { say "error: cannot unpack $bundle"; exit 78; }
  with=("$(echo "$work"/*/run)")
  bin=$(dirname "${with[0]}")/bin
  "${with[@]}" --check >"$work/manifest" || exit 78
  # The programs look for the repository's scripts and data where they were built.
  source=$(sed -n 's/^source //p' "$work/manifest")
  if [ ! -e "$source" ] && mkdir -p "$(dirname "$source")" && ln -s "$PWD" "$source"; then trap 'rm -rf "$work" "$source"' EXIT; fi
  [ -n "${FACETRAIN_REFERENCE:-}" ] || [ ! -d "$(dirname "${with[0]}")/reference" ] || export FACETRAIN_REFERENCE=$(dirname "${with[0]}")/reference
fi
[ -x "$bin/test_gpu" ] || { say "error: no programs in $bin: cmake --preset cuda && cmake --build --preset cuda, or --bundle FILE"; exit 78; }
bin=$(cd "$bin" && pwd)

# --- the machine ---------------------------------------------------------------------------------------------------------
gpus=$(find /dev -maxdepth 1 -name 'nvidia[0-9]*' 2>/dev/null | wc -l)
smi=$(command -v nvidia-smi || ls /usr/local/nvidia/bin/nvidia-smi /usr/bin/nvidia-smi 2>/dev/null | head -1)
if [ "$gpus" = 0 ] && [ -z "$dry" ]; then
  say "no NVIDIA GPU here (no /dev/nvidia0): nothing was run"
  exit 77
fi
gpu_name=
[ -z "$smi" ] || gpu_name=$("$smi" --query-gpu=name,memory.total,driver_version --format=csv,noheader 2>/dev/null | head -1)
: "${gpu_name:=unknown GPU}"
[ "$gpus" != 0 ] || gpu_name="no GPU"
if [ -n "$bundle" ]; then   # what was built, which the folder here need not be
  commit=$(sed -n 's/^commit //p' "$work/manifest")
  build=$(grep -v '^commit ' "$work/manifest" | paste -sd ';')
else
  commit=$(git rev-parse --verify -q HEAD 2>/dev/null || echo unknown)   # a folder without history, too
  build=$("$bin/facetrain" --version)
fi
date=$(date -u +%Y-%m-%d)
machine=$(cut -d, -f1 <<<"$gpu_name" | tr -cs 'A-Za-z0-9\n' '_')
[ -z "$dry" ] || machine+=_dry
say "GPU check: $gpus x $gpu_name; commit $commit; build: $build"

# --- one check -----------------------------------------------------------------------------------------------------------
failures=0
table=$work/table
: >"$table"
record() {  # record STATUS SECONDS NAME TEXT
  [ "$1" != failed ] || failures=$((failures + 1))
  say "$(printf '%-7s %4s %s: %s' "$1" "$2" "$3" "$4")"
  echo "| $3 | $1 | $2 | ${4//|//} |" >>"$table"
}
last_line() { grep -vE '^[[:space:]]*$|^=+$' "$1" | tail -1 | cut -c1-200; }
check() {  # check NAME LIMIT COMMAND...: LIMIT seconds at most, and no more than are left
  local name=$1 limit=$2 log=$work/$1.log begin=$SECONDS left status=0
  shift 2
  [[ $name =~ $only ]] || return 0
  if [ -n "$dry" ]; then
    record not-run - "$name" "$(show "$@" | cut -c3-)"
    return
  fi
  left=$((seconds - SECONDS))
  if [ $left -lt 5 ]; then record not-run - "$name" "the time is used up"; return; fi
  [ "$limit" -lt $left ] || limit=$left
  timeout -k 5 "$limit" "${with[@]}" "$@" >"$log" 2>&1 || status=$?
  local took=$((SECONDS - begin))
  if [ $status = 124 ] || [ $status = 137 ]; then record failed $took "$name" "not finished after $limit s; $(last_line "$log")"
  elif [ $status != 0 ]; then record failed $took "$name" "exit code $status; $(last_line "$log")"
  elif grep -qE 'test cases: +0 ' "$log"; then record failed $took "$name" "no test case ran"
  elif grep -q 'SKIPPED: ' "$log"; then record not-run $took "$name" "$(grep -m1 -o 'SKIPPED: .*' "$log" | cut -c10-)"
  else record ok $took "$name" "$(last_line "$log")"
  fi
}
cases() {  # cases NAME LIMIT SOURCE COMMAND...: the doctest cases of one source file
  local name=$1 limit=$2 source=$3 listed
  shift 3
  [[ $name =~ $only ]] || return 0
  if [ -n "$dry" ]; then
    listed=$("${with[@]}" "$@" "--source-file=$source" --list-test-cases 2>&1)
    if ! grep -qE 'unskipped test cases passing the current filters: [1-9]' <<<"$listed"; then
      record failed - "$name" "no such test case: $(tail -1 <<<"$listed" | cut -c1-150)"
      return
    fi
  fi
  check "$name" "$limit" "$@" "--source-file=$source"
}
script() {  # script NAME LIMIT FILE ARGUMENTS...
  local name=$1 limit=$2 file=$3
  shift 3
  if [ ! -e "$file" ] || ! bash -n "$file" 2>/dev/null; then
    record failed - "$name" "$file is not there, or no script"
    return
  fi
  check "$name" "$limit" bash "$file" "$@"
}

# --- the checks, the most telling first ----------------------------------------------------------------------------------
cases input 60 '*/gpu/input.cpp' "$bin/test_gpu"   # cudaHostRegister on the sealed ring, batches beside the CPU's
for ((ranks = 1; ranks <= (gpus > 0 ? gpus : 1); ranks++)); do
  cases "nccl.ranks$ranks" 60 '*/mpi/nccl.cpp' env OMP_NUM_THREADS=1 mpirun --oversubscribe --bind-to none -np $ranks "$bin/test_mpi"
done
for file in tests/gpu/*.cpp; do   # kernels beside their twins, steps beside the CPU's, overflow
  name=$(basename "$file" .cpp)
  [ "$name" = input ] || [ "$name" = host_path ] || cases "$name" 120 "*/gpu/$name.cpp" "$bin/test_gpu"
done
for part in fp64 fp32 fp16 ranks memory; do
  script "train.$part" 100 tests/e2e/gpu_train.sh "$bin" $part
done
if grep -q 'run.sh trainer' tests/bench/run.sh; then
  export FACETRAIN_BENCH_BIN=$bin FACETRAIN_PYTHON=${FACETRAIN_PYTHON:-$(command -v python3)}   # its programs as they are: nothing is installed or built
  script bench 400 tests/bench/run.sh trainer
else
  record not-run - bench "tests/bench/run.sh has no rows of the trainer"
fi

# --- the report ----------------------------------------------------------------------------------------------------------
mkdir -p "$results" || exit 74
report=$results/gpu_${date}_$machine.md
{
  echo "# deploy/gpu_check.sh"
  echo
  echo "- Date: $(date -u +%Y-%m-%dT%H:%MZ), commit $commit"
  echo "- Machine: $gpus x $gpu_name; $(nproc) processors, $(awk '/MemTotal/ {printf "%.0f GiB", $2 / 1048576}' /proc/meminfo), kernel $(uname -r)"
  echo "- Build: $build"
  echo "- Time: $SECONDS s"
  echo
  echo "| Check | | s | It said last |"
  echo "|---|---|---|---|"
  cat "$table"
  if [ -e "$work/bench.log" ] && grep -q '^ROW ' "$work/bench.log"; then
    echo
    echo "Benchmarks (row, measured, target):"
    echo
    grep '^ROW ' "$work/bench.log" | sed 's/^/    /'
  fi
  for log in "$work"/*.log; do
    name=$(basename "$log" .log)
    grep -q "^| $name | failed" "$table" || continue
    echo
    echo "$name ended with:"
    echo
    tail -40 "$log" | cut -c1-300 | sed 's/^/    /'
  done
} >"$report"
if [ -n "${OUT:-}" ]; then
  cp "$report" "$OUT/"
  tar -C "$work" -czf "$OUT/gpu_check_logs.tar.gz" --exclude='*/bin/*' $(cd "$work" && ls -- *.log 2>/dev/null) table
fi
say "$(grep -c '| ok |' "$table") ok, $failures failed, $(grep -c '| not-run |' "$table") not run, in $SECONDS s; the report: $report"
[ $failures = 0 ]
