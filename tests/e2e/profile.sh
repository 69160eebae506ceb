#!/usr/bin/env bash
# `facetrain train --profile N`: two ranks of a small network on drawn pictures; the log tells each phase, and the phases add up to the
# step; the validation's time is told; a run that is too short is refused.
#   profile.sh BIN_FOLDER
set -euo pipefail
bin=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d /tmp/facetrain-profile.XXXXXX)
trap 'rm -rf "$work"' EXIT
cd "$work"
"$bin/facetrain" synth --ids 8 --per-id 20 --val 20 --out demo >synth.log
"$bin/facetrain" list -s demo/train -d . -sfn train >list.log
cat >small.toml <<END
base = "$here/small_run.toml"
[run]
prefix = "profile"
frequency_log = 100
[data]
train_source = "train.txt"
[validation]
val_source = "demo/val"
val_list = "synth"
END
"$bin/facetrain" train --config small.toml --profile 4 >train.log 2>&1 || { cat train.log; echo "FAILED: the run"; exit 1; }
log=workspace/profile/training.log
awk '
  /-Profile of 4 steps: / { step = $(NF - 7) }
  step && match($0, /-  (data wait|forward|head|backward|communication|optimiser|between steps) /) { sum += $(NF - 3); ++phases }
  END {
    if (phases != 7 || step <= 0) { print "FAILED: " phases + 0 " phases of a step of " step " ms"; exit 1 }
    if (sum < step - 0.01 || sum > step + 0.01) { print "FAILED: the phases are " sum " ms, the step " step " ms"; exit 1 }
    printf "%d phases, %.3f ms of a step of %.3f ms\n", phases, sum, step
  }' $log || { cat $log; exit 1; }
grep -q 'Validation: [0-9.]* s, [0-9.]* % of the epoch' $log || { cat $log; echo "FAILED: no line with the validation's time"; exit 1; }
if "$bin/facetrain" train --config small.toml --fresh --profile 400 >train.log 2>&1; then cat train.log; echo "FAILED: 400 steps of 10"; exit 1; fi
grep -q 'run.profile: 400 steps after 5 need a run of 405 steps; this one has 10' train.log || { cat train.log; echo "FAILED: another error"; exit 1; }
echo "profile: ok"
