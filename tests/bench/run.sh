#!/usr/bin/env bash
# The benchmarks: ours beside its peers, interleaved in one run, the peer's output compared with ours first.
#   tests/bench/run.sh data [ROW...]      the data service (rows 1 to 11), or only these rows
#   tests/bench/run.sh trainer [--cpu] [ROW...]
#                                         the trainer (rows 1 to 8); --cpu: the code of rows 1 to 3 also runs in the small where no GPU is
#   tests/bench/run.sh big [--images N] [--ids N] [--order O] [--dir DIR]
#                                         a whole epoch of 5,000,000 pictures of 100,000 identities through the service (25 GB of disk)
# Installs the peers (Debian packages; Python's into .deps/bench-venv), builds with -DFACETRAIN_BENCH=ON in build-bench, prints a line
#   ROW <n> <measured ratio or -> target <t> ok|short|not-run <what>
# for each row (a row of two qualities of JPEG: one for each) and writes one table into tests/bench/results.
#   FACETRAIN_PYTHON     a Python that has the peers already: none is installed
#   FACETRAIN_REFERENCE  a clone of HaiyuWu/iccv2025-fr-competition, for rows 5 and 11, and the trainer's 1 to 4 and 7
#   FACETRAIN_MOBILEFACENET  mobilefacenet.py of deepinsight/insightface's arcface_torch, for the trainer's row 4
#   FACETRAIN_BENCH_BIN  a folder with the programs (deploy/gpu_check.sh): nothing is installed or built
#   FACETRAIN_BENCH_ROUNDS   rounds instead of each program's own number: 1 is enough to see that all of it works
#   FACETRAIN_BENCH_DIR  where pictures and packed sets are made (about 1 GB; default: facetrain-bench in the folder for temporary files)
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/bench/steps.sh

command=${1:-}
[ $# -eq 0 ] || shift
case $command in
  data | trainer) rows=$command ;;
  big) exec bash tests/bench/big.sh "$@" ;;
  *) sed -n '2,17p' "$0" | sed 's/^# \{0,1\}//'; exit 2 ;;
esac

# row | target | program of tests/bench (bin/bench_NAME, or NAME.py, NAME.sh) | what
data_rows=(
  "1|0.97|decode|decode only / turbojpeg with both alignment measures"
  "2|1.25|decode|decode only / plain turbojpeg"
  "3|0.72|chain|whole chain to float16 / turbojpeg decode with both measures"
  "4|1.9|chain|whole chain / the same chain through OpenCV in C++"
  "5|5|loader|whole chain / the reference's own DataLoader on as many cores"
  "6|1.2|dali|decode + flip + normalise / NVIDIA DALI on the CPU, FFCV"
  "7|1.9|threads|2 threads / 1 thread"
  "8|0.97|service|service to 2 consumer processes / the same pipeline into memory"
  "9|0.01|service|a consumer's waiting time when it takes 90 % of capacity"
  "10|5|packed|packed / file-per-image reading, cold and warm"
  "11|10|index|5M-line list: load time and memory / the reference's loading of it"
)
trainer_rows=(
  "1|1.8|step|GPU step, r50se batch 128 fp16 / the reference's step as train.py runs it"
  "2|1.1|step|GPU step, r50se batch 128 fp16 / PyTorch, channels last + torch.compile"
  "3|3|head|head + its optimiser, 12,500 classes x 1,024 rows / the reference's"
  "4|1|step|CPU step / the reference's step with as many threads"
  "5|0.05|ranks|share of a step that waits for other ranks"
  "6|0.95|end_to_end|end to end / the step alone"
  "7|0.8|memory|memory of the GPU, r50se, batch 128, 100,000 classes / the reference's step"
  "8|0.95|ranks|2 ranks x 1 thread / 1 rank x 2 threads"
)
declare -n table=${rows}_rows
small=()
if [ "${1:-}" = --cpu ]; then small=(--cpu); shift; fi
wanted=("$@")
[ ${#wanted[@]} -gt 0 ] || wanted=($(printf '%s\n' "${table[@]}" | cut -d'|' -f1))

install_peers
build_bench ${rows}_programs
export FACETRAIN_BENCH_DIR
mkdir -p "$FACETRAIN_BENCH_DIR"
[ $rows != data ] || "$bench_bin/bench_draw_pictures"

log=$(mktemp)
trap 'rm -f "$log"' EXIT
run_row() {  # run_row PROGRAM ROW...: prints the program's lines
  local name=$1
  shift
  if [ -x "$bench_bin/bench_$name" ]; then "$bench_bin/bench_$name" "$@"
  elif [ -e "tests/bench/$name.sh" ]; then bash "tests/bench/$name.sh" "$@"
  elif [ -e "tests/bench/$name.py" ]; then "$FACETRAIN_PYTHON" "tests/bench/$name.py" "$@"
  else echo "no program bench_$name (a peer that it needs is missing, or it is not written yet)"; return 1
  fi
}
for program in $(printf '%s\n' "${table[@]}" | cut -d'|' -f3 | awk '!seen[$0]++'); do
  own=()
  for line in "${table[@]}"; do
    IFS='|' read -r row _ name _ <<<"$line"
    if [ "$name" = "$program" ] && [[ " ${wanted[*]} " == *" $row "* ]]; then own+=("$row"); fi
  done
  [ ${#own[@]} -gt 0 ] || continue
  output=$(mktemp)
  status=0
  run_row "$program" "${own[@]}" "${small[@]}" 2>&1 | tee "$output" || status=$?
  for line in "${table[@]}"; do  # a row that its program did not print
    IFS='|' read -r row target name what <<<"$line"
    if [ "$name" = "$program" ] && [[ " ${own[*]} " == *" $row "* ]] && ! grep -q "^ROW $row " "$output"; then
      echo "ROW $row - target $target not-run $what: $(tail -1 "$output")" | tee -a "$output"
    fi
  done
  cat "$output" >>"$log"
  rm -f "$output"
done
write_table "$rows" "$log"
