#!/usr/bin/env bash
# From an empty Debian 12 machine to a trained model and a submission file: installs what is missing, builds, draws a small data set
# of people who do not exist, trains on it (1 data service + 2 trainers, on the CPU), validates every epoch, and writes the
# submission. Prints each command that it runs: read it as a tutorial. A second run repeats nothing that is finished.
#   ./deploy/quickstart.sh [--again]     --again trains anew
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/steps.sh
. deploy/demo_accuracy.sh
again=
case ${1:-} in
  '') ;;
  --again) again=1 ;;
  *) sed -n '2,5p' "$0" | sed 's/^# \{0,1\}//'; exit 2 ;;
esac

say "== 1. What facetrain needs: Debian packages, LibTorch"
run ./deploy/setup.sh

say "== 2. Build"
begin=$SECONDS
run cmake --preset release   # quick when nothing has changed
run cmake --build --preset release --target facetrain facetrain-data facetrain-model dataservice trainer
build_seconds=$((SECONDS - begin))
facetrain=build/bin/facetrain

say "== 3. A data set: 100 people who do not exist, and pairs of others to validate and to submit"
begin=$SECONDS
if [ -d demo/train ]; then
  say "demo/train is there already (remove demo/ to draw it anew)"
else
  run $facetrain synth --ids 100 --per-id 40 --val 600 --out demo
fi
[ -e demo/train.txt ] || run $facetrain list -s demo/train -d demo -sfn train

say "== 4. Train: one data service, two trainers; validation after each epoch"
export CUDA_VISIBLE_DEVICES=   # the demo is for the CPU, on a machine with GPUs too
last_model() { find workspace/demo-cpu/models -name 'model_*.pth' -printf '%T@ %p\n' 2>/dev/null | sort -n | tail -1 | cut -d' ' -f2-; }
finished=workspace/demo-cpu/finished   # made here, after the last epoch
if [ -n "$again" ] || [ ! -e $finished ]; then
  run rm -rf workspace/demo-cpu
  run $facetrain train --config configs/demo_cpu.toml
  touch $finished
else
  say "workspace/demo-cpu is trained already (--again trains anew)"
fi
model=$(last_model)
[ -n "$model" ] || fail "training left no model in workspace/demo-cpu/models"

say "== 5. Measure the last epoch's model, as the reference's test.py does"
verified=$(mktemp)
trap 'rm -f "$verified"' EXIT
run $facetrain verify --model_path "$model" --val_source demo/val --val_list synth --add_flip | tee "$verified"
accuracy=$(sed -n 's/^Mean accuracy: //p' "$verified")

say "== 6. The submission file"
run cd demo
run ../$facetrain submit --model_path "../$model" --image_paths test/images.npy --dataset_scale 10K
say "Built in $build_seconds s, demo in $((SECONDS - begin)) s."
in_demo_range "$accuracy" ||
  fail "the demo ended at an accuracy of ${accuracy:-nothing}, not in 0.85-0.99 as it should: something is wrong with this build or machine"
say "Accuracy on people it has not seen: $accuracy (expected: 0.85-0.99; an untrained network: below 0.70)"
say "Model: $model"
say "To upload: $PWD/test_10K_result.zip"
