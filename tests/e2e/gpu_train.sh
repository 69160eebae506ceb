#!/usr/bin/env bash
# Training on GPUs as a user starts it, beside the same training on the CPU: drawn pictures, each step's loss and gradient norm.
#   gpu_train.sh BIN_FOLDER [PART...]
#     fp64    one trainer: the CPU's numbers up to rounding       ranks   as many trainers as GPUs (2 or more): likewise
#     fp32    without TF32: close to the CPU's                     memory  a batch that does not fit: one line says what to do
#     fp16    the loss falls; the model is validated, saved, and measures alike on the CPU
# FACETRAIN_PLAY_GPU=1 computes the GPU's part on the CPU too: that shows that this script works, not that a GPU does.
set -u
bin=$(cd "$1" && pwd)
shift
small=$(cd "$(dirname "$0")" && pwd)/small_run.toml
. "$(dirname "$0")/../workplace.sh"
parts=("$@")
[ ${#parts[@]} -gt 0 ] || parts=(fp64 fp32 fp16 ranks memory)
gpus=$(find /dev -maxdepth 1 -name 'nvidia[0-9]*' | wc -l)
if [ -n "${FACETRAIN_PLAY_GPU:-}" ]; then
  gpus=2
  hide=(env CUDA_VISIBLE_DEVICES=)
elif [ "$gpus" = 0 ]; then
  echo "SKIPPED: no NVIDIA GPU here (no /dev/nvidia0)"
  exit 0
elif ! "$bin/facetrain" --version | grep -q 'CUDA'; then
  echo "SKIPPED: a CPU-only build: $("$bin/facetrain" --version)"
  exit 0
else
  hide=()
fi

"$bin/facetrain" synth --ids 8 --per-id 20 --val 100 --out demo >log 2>&1 &&
  "$bin/facetrain" list -s demo/train -d . -sfn train >log 2>&1 || { cat log; exit 1; }
cat >train.toml <<END
base = "$small"
[data]
train_source = "train.txt"
workers = 0
[model]
width = 0.125
embedding_size = 64
dropout = 0
[train]
batch_size = 16
lr = 0.02
END

train() {  # train NAME gpu|cpu TRAINERS OPTIONS...: its output in NAME.log, its steps in NAME.jsonl
  local name=$1 device=$2 trainers=$3 on=(env NVIDIA_TF32_OVERRIDE=0)
  shift 3
  [ "$device" = gpu ] && [ ${#hide[@]} = 0 ] || on+=(CUDA_VISIBLE_DEVICES=)
  "${on[@]}" "$bin/facetrain" train --config train.toml --trace "$name.jsonl" --set run.prefix="$name" \
    --set launch.trainers="$trainers" --set launch.threads=0 "$@" >"$name.log" 2>&1
}
trained() { train "$@" || { tail -20 "$1.log"; fail "$1: training on $2 ended with an error"; return 1; }; }
on_gpu() {  # the run NAME.log computed where it should
  [ -n "${FACETRAIN_PLAY_GPU:-}" ] || grep -q ' on cuda:0, ' "$1.log" || fail "$1: did not compute on a GPU: $(grep -m1 ' trainers x batch ' "$1.log")"
}
values() { sed -n 's/.*"'"$2"'": \([^,}]*\)[,}].*/\1/p' "$1.jsonl"; }
compare() {  # compare NAME NAME KEY BOUND [STEPS]: the largest relative difference of KEY over (the first STEPS of) all lines
  local steps=${5:-100000} said
  cmp -s <(sed 's/"loss".*//' "$1.jsonl") <(sed 's/"loss".*//' "$2.jsonl") || { fail "$1, $2: other samples or steps"; return; }
  said=$(paste <(values "$1" "$3") <(values "$2" "$3") | head -n "$steps" | awk -v bound="$4" '
    $1 !~ /^-?[0-9.e+-]+$/ || $2 !~ /^-?[0-9.e+-]+$/ || $1 == 0 {print "line " NR ": " $0; bad = 1; exit}
    {d = ($1 - $2) / $1; d = d < 0 ? -d : d; if (d > most) most = d}
    END {if (!bad) print most + 0 " in " NR " lines"; exit bad || NR == 0 || most > bound}') &&
    echo "$1, $2: $3 differs by at most $said (bound $4)" || fail "$1, $2: $3 differs by $said, more than $4"
}

for part in "${parts[@]}"; do
  case $part in
    fp64)
      trained cpu64 cpu 1 --set train.precision=fp64 && trained gpu64 gpu 1 --set train.precision=fp64 || continue
      on_gpu gpu64
      compare cpu64 gpu64 loss 1e-8
      compare cpu64 gpu64 grad_norm 1e-8 ;;
    fp32)
      trained cpu32 cpu 1 --set train.lr=0.001 && trained gpu32 gpu 1 --set train.lr=0.001 || continue
      on_gpu gpu32
      compare cpu32 gpu32 loss 1e-4 1
      compare cpu32 gpu32 grad_norm 1e-3 1
      compare cpu32 gpu32 loss 1e-2 6 ;;   # two ways to round on a CPU are 1e-3 apart by then, 1e-2 by the tenth
    ranks)
      if [ "$gpus" -lt 2 ]; then
        echo "one GPU: nothing to compare at several ranks"
        [ ${#parts[@]} -gt 1 ] || echo "SKIPPED: needs 2 GPUs, here is 1"
        continue
      fi
      trained cpus cpu "$gpus" --set train.precision=fp64 --set train.batch_size=8 &&
        trained gpus gpu "$gpus" --set train.precision=fp64 --set train.batch_size=8 || continue
      compare cpus gpus loss 1e-8
      compare cpus gpus grad_norm 1e-8 ;;
    fp16)
      trained half gpu 1 --set train.precision=fp16 --set model.width=0.25 --set train.lr=0.1 --set train.epochs=6 \
        --set validation.val_source=demo/val --set validation.val_list=synth || continue
      on_gpu half
      values half loss | awk '{loss[NR] = $1} END {for (i = 1; i <= 10; i++) {first += loss[i]; last += loss[NR - i + 1]}
        print "fp16: mean loss of ten steps: first " first / 10 ", last " last / 10; exit !(NR >= 20 && last < 0.8 * first)}' ||
        fail "fp16: the loss did not fall"
      model=$(find workspace/half/models -name 'model_*_step;61.pth')
      logged=$(sed -n 's/.*Mean accuracy: *//p' half.log | tail -1)
      env CUDA_VISIBLE_DEVICES= "$bin/facetrain" verify --model_path "$model" --val_source demo/val --val_list synth --add_flip >verify.log 2>&1 ||
        { tail -3 verify.log; fail "fp16: the CPU cannot verify the model '$model'"; continue; }
      measured=$(sed -n 's/^Mean accuracy: *//p' verify.log)
      awk -v a="$logged" -v b="$measured" 'BEGIN {exit !(a ~ /^[01]\.?[0-9]*$/ && b ~ /^[01]\.?[0-9]*$/ && a - b < 0.03 && b - a < 0.03)}' ||
        fail "fp16: accuracy $logged in the log, $measured on the CPU"
      echo "fp16: accuracy $logged in the log, $measured by facetrain verify on the CPU" ;;
    memory)
      if [ -n "${FACETRAIN_PLAY_GPU:-}" ]; then continue; fi
      status=0
      # 1 % of the GPU's memory holds IResNet-50 with its optimiser, but not what a batch of 64 needs.
      PYTORCH_CUDA_ALLOC_CONF=per_process_memory_fraction:0.01 train full gpu 1 --set model.model=iresnet --set train.precision=fp16 \
        --set train.batch_size=64 || status=$?
      [ "$status" = 78 ] || fail "memory: ended with $status, not 78: $(tail -3 full.log)"
      grep -qE '^trainer.*: CUDA out of memory\. Tried to allocate .* is free\. The run has train\.batch_size = 64 in fp16; lower it' full.log ||
        fail "memory: no line tells of train.batch_size: $(tail -3 full.log)"
      grep -E '^trainer.*out of memory' full.log ;;
    *) fail "no part $part" ;;
  esac
done
conclude "gpu_train: ${parts[*]}"
