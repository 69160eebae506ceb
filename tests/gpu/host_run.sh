#!/usr/bin/env bash
# Whole runs of a build for GPUs where there is none, with the stand-in for CUDA in its place (stand_in/counts.hpp): all that the host does
# from the start to the saved model, on one and two GPUs, stopped and gone on with, and the message when memory is short. No number of
# these runs means anything, and none is looked at.
#   host_run.sh BIN_FOLDER STAND_IN_FOLDER
set -u
bin=$(cd "$1" && pwd)
stand_in=$(cd "$2" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../workplace.sh"
unshare -m true 2>/dev/null || { echo "SKIPPED: no right to a /dev of its own"; exit 0; }

"$bin/facetrain" synth --ids 8 --per-id 20 --val 20 --out demo >log 2>&1 &&
  "$bin/facetrain" list -s demo/train -d . -sfn train >log 2>&1 || { cat log; exit 1; }
cat >train.toml <<END
base = "$here/../e2e/small_run.toml"
[data]
train_source = "train.txt"
[model]
dropout = 0
[train]
precision = "bf16"      # a loss scale of no meaning would end the run
nonfinite_steps = 1000000
[validation]
val_source = "demo/val"
val_list = "synth"
END
on_gpu() { "$here/stand_in/run" --nodes "$stand_in" "$bin/facetrain" "$@"; }
train() {  # train NAME STATUS OPTIONS...: its output in NAME.log; ended with STATUS
  local name=$1 wanted=$2 status=0
  shift 2
  on_gpu train --config train.toml --set run.prefix="$name" "$@" >"$name.log" 2>&1 || status=$?
  [ "$status" = "$wanted" ] || { tail -5 "$name.log"; fail "$name: ended with $status, not $wanted"; return 1; }
  [ "$wanted" != 0 ] || grep -q ' on cuda:0, ' "$name.log" || fail "$name: not on a GPU: $(grep -m1 ' trainers x batch ' "$name.log")"
}
saved() { find "workspace/$1/models" -name 'model_*.pth' 2>/dev/null | grep -q . || fail "$1: no model"; }

one=(--set launch.trainers=1)
train one 0 "${one[@]}" --profile 3 && saved one
grep -q -- '-Profile of 3 steps: ' one.log || fail "one: no profile"
for network in 'model.model=iresnet model.depth=18 model.mode=se model.checkpoint=true' 'model.model=vit model.depth=s' \
  head.sample_rate=0.5 train.optimizer=adamw 'train.accumulate=2 train.tf32=true train.precision=fp32'; do
  options=()
  for option in $network; do options+=(--set "$option"); done
  name=$(tr ' =.' '___' <<<"$network")
  train "$name" 0 "${one[@]}" "${options[@]}" && saved "$name"
done
FACETRAIN_STAND_IN_GPUS=2 train two 0 --set launch.trainers=2 && saved two

# Stopped in the middle and gone on with.
on_gpu train --config train.toml --set run.prefix=stopped "${one[@]}" --set train.epochs=100000 >stopped.log 2>&1 &
launcher=$!
for ((i = 0; i < 600; i++)); do
  grep -q 'Saved checkpoint' stopped.log && break
  kill -0 $launcher 2>/dev/null || break
  sleep 0.1
done
processes | awk '$2 ~ /facetrain$/ {print $1}' | xargs -r kill -TERM
wait $launcher
status=$?
[ $status = 75 ] || { tail -5 stopped.log; fail "stopped: ended with $status, not 75"; }
begun=$(find workspace/stopped/checkpoints -maxdepth 1 -name 'step_*' | sed 's/.*step_//' | sort -n | tail -1)
[ -n "$begun" ] && train stopped 0 "${one[@]}" --set train.epochs=$((begun / 20 + 2)) --allow-change training && grep -q "step_$begun" stopped.log ||
  fail "stopped: did not go on from update $begun"

# Too little memory: the line that tells what to do.
FACETRAIN_STAND_IN_GIB=0.5 train short 78 "${one[@]}" --set model.model=iresnet --set train.batch_size=64
grep -qE '^trainer.*: CUDA out of memory\. Tried to allocate .*The run has train\.batch_size = 64 in bf16; lower it' short.log ||
  fail "short: no line tells of train.batch_size: $(tail -3 short.log)"

# A GPU that breaks: LibTorch throws again where tensors are freed, and still a line names the cause.
FACETRAIN_STAND_IN_BREAKS=4000 train broken 70 "${one[@]}" --set train.epochs=1000
grep -qE "^trainer.* on $(hostname).*illegal memory access" broken.log || fail "broken: no line names host and cause: $(tail -5 broken.log)"

model=$(find workspace/one/models -name 'model_*.pth' | head -1)
on_gpu verify --model_path "$model" --val_source demo/val --val_list synth >verify.log 2>&1 || { tail -3 verify.log; fail "verify on a GPU"; }
grep -q '^Mean accuracy' verify.log || fail "verify: no accuracy"
conclude "host_run: ok"
