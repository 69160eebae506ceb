# Row 6 of tests/bench/run.sh trainer: pictures per second of a whole epoch (data service, trainer, validation, writing the model; the real
# `facetrain train`) / those of the step alone on a batch in memory (bench_step steady), in turns. The validation set is to the epoch as
# the reference's three sets (19,000 pairs) are to 5,000,000 pictures. Start-up (lists, filling the ring, a GPU's libraries) does not count: it
# is measured from the log's first line about a step to the saved model.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
set -euo pipefail
bin=$bench_bin
target=0.95
if nvidia-smi -L 2>/dev/null | grep -q '^GPU ' && [ "${1:-}" != --cpu ]; then
  network=r50se precision=fp16 batch=128 copies=5 ids=500 steady_steps=100 on="one GPU"   # 100,000 pictures, of which 20,000 are drawn
else
  network=mbf precision=fp32 batch=32 copies=1 ids=60 steady_steps=10 on="the CPU"
fi
per_id=40
pictures=$((ids * per_id * copies))
pairs=$(((pictures * 19 + 4999) / 5000))
[ $pairs -ge 10 ] || pairs=10  # the fewest of ten folds
work=$FACETRAIN_BENCH_DIR/end_to_end_$pictures
mkdir -p "$work"
cd "$work"
if [ ! -e train.txt ]; then
  "$bin/facetrain" synth --ids $ids --per-id $per_id --val $pairs --out demo >/dev/null
  "$bin/facetrain" list -s demo/train -d . -sfn train >/dev/null
fi
sources=$(printf ', "train.txt"%.0s' $(seq $copies))
case $network in
  mbf) model='model = "mobilefacenet"' ;;
  r50se) model=$'model = "iresnet"\ndepth = "50"\nmode = "se"\ndropout = 0' ;;
esac
cat >run.toml <<END
[run]
prefix = "end_to_end"
frequency_log = 20
[data]
train_source = [${sources#, }]
augment = true
rand_erase = true
[model]
$model
[train]
batch_size = $batch
epochs = 1
lr = 0.01
precision = "$precision"
[validation]
val_source = "demo/val"
val_list = "synth"
[launch]
trainers = 1
END
seconds_at() { date -d "$(sed -n "s/^Training: \([0-9-]* [0-9:]*\),\([0-9]*\)-.*$1.*/\1.\2/p" run.log | tail -1)" +%s.%N; }
end_to_end() {  # pictures per second
  rm -rf workspace
  "$bin/facetrain" train --config run.toml >run.log 2>&1 || { tail -5 run.log >&2; return 1; }
  local first   # updates before the first line
  first=$(sed -n 's/.*Global Step: \[\([0-9]*\)-.*/\1/p' run.log | head -1)
  awk -v n=$(((pictures / batch - first) * batch)) -v from="$(seconds_at "Global Step: \\[$first-")" -v to="$(seconds_at 'Saved ')" \
    'BEGIN {printf "%.2f\n", n / (to - from)}'
}
steady() { "$bin/bench_step" steady $network $batch $precision $steady_steps; }

whole=() alone=()
for _ in $(seq "${FACETRAIN_BENCH_ROUNDS:-3}"); do
  whole+=("$(end_to_end)")
  alone+=("$(steady)")
done
grep -h 'Validation: ' run.log | tail -1
echo "$pictures pictures, $pairs pairs, $network batch $batch $precision on $on: end to end ${whole[*]}, the step alone ${alone[*]} img/s"
best() { printf '%s\n' "$@" | sort -n | tail -1; }
median() { printf '%s\n' "$@" | sort -n | sed -n $((($# + 1) / 2))p; }
awk -v e="$(best "${whole[@]}")" -v s="$(best "${alone[@]}")" -v em="$(median "${whole[@]}")" -v sm="$(median "${alone[@]}")" -v t=$target -v on="$on" -v what="$network batch $batch $precision" \
  'BEGIN {r = e / s; printf "ROW 6 %.3f target %s %s end to end / the step alone, %s on %s (median %.3f)\n", r, t, (r >= t ? "ok" : "short"), what, on, em / sm}'
