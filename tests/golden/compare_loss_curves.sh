#!/usr/bin/env bash
# How the loss falls with the default augmentation, flip, erasing and dropout, beside the reference's own runs
# (tests/golden/record_loss_curves.py): means of ten steps over 62. A seed takes about 80 s of a core. Not a row of ctest.
#   compare_loss_curves.sh BIN [SEED ...] [-- OPTION ...]     seeds: 1; options go to `facetrain train` and show that it can fail
set -euo pipefail
bin=$(cd "$1" && pwd); shift
seeds=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do seeds+=("$1"); shift; done
[ $# -eq 0 ] || shift
[ ${#seeds[@]} -gt 0 ] || seeds=(1)
here=$(cd "$(dirname "$0")" && pwd)
orl=${FACETRAIN_SHARED:-$here/../../../shared}/data/orl
[ -d "$orl" ] || { echo "SKIPPED: no ../shared/data/orl"; exit 0; }
orl=$(cd "$orl" && pwd)
work=$(mktemp -d /tmp/facetrain-curves.XXXXXX)
trap 'rm -rf "$work"' EXIT
cd "$work"
"$bin/facetrain" list -s "$orl/train" -d . -sfn train >/dev/null
cat >curve.toml <<'END'
[run]
frequency_log = 1
[data]
train_source = "train.txt"
workers = 1
augment = true
rand_erase = true
[model]
depth = 18
mode = "se"
[train]
batch_size = 8
epochs = 2
lr = 0.02
reduce_lr = []
precision = "fp32"
[validation]
val_list = []
[launch]
trainers = 1
threads = 1
END
for seed in "${seeds[@]}"; do
  "$bin/facetrain" train --config curve.toml --set "run.seed=$seed" --set "run.prefix=curve$seed" "$@" >log 2>&1 || { cat log; exit 1; }
  # The log's loss is the mean since the line before: with frequency_log = 1 each step's own.
  losses=$(sed -nE 's/.* Loss ([^ ]+) +Global Step.*/\1/p' "workspace/curve$seed/training.log" | tr '\n' ' ')
  echo "ours$seed $losses" >>ours.txt
  rm -r "workspace/curve$seed"
done
python3 "$here/compare_loss_curves.py" "$here/data/loss_curves.txt" ours.txt
