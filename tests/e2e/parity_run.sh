#!/usr/bin/env bash
# `facetrain train` beside the reference's own training loop (tests/golden/record_parity_run.py): real photographs that are their own
# mirror image, given weights, weight decay, a learning rate / 10 half-way. Float64: 20 steps at 1 trainer x 16 and 2 x 8. Float32: the
# first step, beside the reference's in our memory layout, channels last (its contiguous run is 1.2e-5 away from it at 2 x 8). There the
# gradient norm is compared with that of the reference's gradients summed in float64 (exact_norm), since torch's own float32 norm of
# them is 4e-4 too small.
#   parity_run.sh BIN_FOLDER
set -euo pipefail
bin=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
[ -d "$here/../../../shared/data/orl" ] || { echo "SKIPPED: no ../shared/data/orl"; exit 0; }
golden=$here/../golden/data/parity_run.txt
work=$(mktemp -d /tmp/facetrain-parity.XXXXXX)
trap 'rm -rf "$work"' EXIT
cd "$work"
FACETRAIN_PARITY_DIR=$work "$bin/test_dataservice" --source-file='*/golden/dataservice/parity_pictures.cpp' >write.log || { cat write.log; exit 1; }
FACETRAIN_PARITY_DIR=$work "$bin/test_trainer" --source-file='*/golden/trainer/parity_weights.cpp' >write.log || { cat write.log; exit 1; }
for file in long.txt short.txt W.pth H16.pth H17.pth; do
  [ -s $file ] || { echo "FAILED: the test programs did not write $file; build test_dataservice and test_trainer"; exit 1; }
done

cat >parity.toml <<END
[run]
prefix = "parity"
frequency_log = 100
[data]
train_source = "long.txt"
flip = false
[model]
depth = "18"
dropout = 0
[train]
lr = 0.02
epochs = 2
reduce_lr = [2]
[validation]
val_list = []
END
train() {  # train NAME TRAINERS OPTIONS...
  local name=$1 trainers=$2
  shift 2
  "$bin/facetrain" train --config parity.toml --init-from W.pth --trace "$name.jsonl" --set launch.trainers="$trainers" \
    --set launch.threads=$((2 / trainers)) --set train.batch_size=$((16 / trainers)) "$@" >train.log 2>&1 ||
    { cat train.log; echo "FAILED: $name"; exit 1; }
  rm -rf workspace
}
compare() { python3 "$here/parity_trace.py" "$golden" "$1" "$2.jsonl" "${@:3}"; }  # compare RUN NAME BOUNDS...

for layout in 1x16 2x8; do
  trainers=${layout%x*}
  train f32_$layout "$trainers" --init-head H16.pth --set data.train_source=short.txt --set train.epochs=1 --set train.precision=fp32
  compare f32_$layout f32_$layout loss=1e-5 exact_norm=1e-5 grad_norm=1e-3
  train f64_$layout "$trainers" --init-head H17.pth --set train.precision=fp64
  compare f64_$layout f64_$layout loss=1e-8 grad_norm=1e-8
done
# Two batches of 8 for one update: the samples of a batch of 16 (BatchNorm's statistics, and so the loss, are those of 8).
train accumulated 1 --init-head H16.pth --set data.train_source=short.txt --set train.epochs=1 --set train.precision=fp32 \
  --set train.batch_size=8 --set train.accumulate=2
compare f32_1x16 accumulated
echo "parity_run: the reference's steps"
