#!/usr/bin/env bash
# How the loss falls with the default augmentation, flip, erasing and dropout, beside the reference's own five runs
# (tests/golden/data/loss_curves.txt): means over windows of ten steps, of a few seeds, inside the reference's spread.
#   compare_loss_curves.sh BIN [SEED ...]     default: seed 1; with five seeds their mean must lie between the reference's lowest and highest.
# One seed may lie outside by as much as the reference's five differ among themselves.
set -euo pipefail
bin=$(cd "$1" && pwd); shift
seeds=${*:-1}
here=$(cd "$(dirname "$0")" && pwd)
golden=$here/data/loss_curves.txt
orl=${FACETRAIN_SHARED:-$here/../../../shared}/data/orl
[ -d "$orl" ] || { echo "SKIPPED: $orl is not here"; exit 0; }
orl=$(cd "$orl" && pwd)
work=$(mktemp -d /tmp/facetrain-curves.XXXXXX)
trap 'rm -rf "$work"' EXIT
cd "$work"
"$bin/facetrain" list -s "$orl/train" -d . -sfn train >/dev/null
cat >curve.toml <<'END'
[run]
prefix = "curve"
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
for seed in $seeds; do
  "$bin/facetrain" train --config curve.toml --set "run.seed=$seed" --set "run.prefix=curve$seed" >log 2>&1 || { cat log; exit 1; }
  # The log's loss is the mean since the line before: with frequency_log = 1 each step's own.
  sed -nE 's/.* Loss ([0-9.]+) +Global Step.*/\1/p' "workspace/curve$seed/training.log" | tr '\n' ' ' | sed "s/^/ours$seed /; s/\$/\n/" >>ours
done
awk -v many="$(wc -w <<<"$seeds")" '
  function windows(into, who,   w, s) {
    for (w = 0; w < 6; ++w) {
      s = 0
      for (i = 1; i <= 10; ++i) s += $(1 + 10 * w + i)
      into[who, w] = s / 10
    }
  }
  /^seed/ { if (NF < 61) { print "FAIL: the golden line has " NF " fields"; bad = 1 } windows(theirs, ++references) }
  /^ours/ { if (NF < 61) { print "FAIL: a run logged " NF - 1 " steps"; bad = 1; exit } windows(ours, ++runs) }
  END {
    if (bad || references != 5 || runs != many) { print "FAIL: " references + 0 " reference runs, " runs + 0 " of ours"; exit 1 }
    for (w = 0; w < 6; ++w) {
      low = 1e9; high = 0; mean = 0
      for (r = 1; r <= references; ++r) { if (theirs[r, w] < low) low = theirs[r, w]; if (theirs[r, w] > high) high = theirs[r, w] }
      for (r = 1; r <= runs; ++r) mean += ours[r, w] / runs
      slack = runs >= 5 ? 0 : high - low
      inside = mean >= low - slack && mean <= high + slack
      printf "steps %d-%d: ours %.2f, the reference %.2f to %.2f%s\n", 10 * w + 1, 10 * w + 10, mean, low, high, inside ? "" : "  OUTSIDE"
      if (!inside) bad = 1
    }
    exit bad
  }' "$golden" ours
