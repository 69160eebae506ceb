#!/usr/bin/env bash
# Training on a folder and a list at once, with a mask and a fixed epoch size: what the trainers are told, and what a mistake in
# these keys says.
#   sources.sh BIN_FOLDER
set -u
bin=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../workplace.sh"

indices() {  # indices FIRST LAST: a .npy of these numbers, int64, to the standard output
  printf "\\x93NUMPY\\x01\\x00\\x76\\x00%-117s\\n" "{'descr': '<i8', 'fortran_order': False, 'shape': ($(($2 - $1 + 1)),), }"
  for i in $(seq "$1" "$2"); do printf "\\x$(printf %02x "$i")\\0\\0\\0\\0\\0\\0\\0"; done
}

# Equal folder names, different people: 4 identities of 6 pictures in the folder, 3 of 6 in the list.
"$bin/facetrain" synth --ids 4 --per-id 6 --seed 1 --out a >/dev/null && "$bin/facetrain" synth --ids 3 --per-id 6 --seed 2 --out b >/dev/null &&
  "$bin/facetrain" list -s b/train -d . -sfn b >/dev/null || { echo "FAILED: no data set to test with"; exit 1; }
indices 6 41 >mask.npy   # all but the first identity's
indices 36 42 >wrong.npy
cat >tiny.toml <<END
base = "$here/small_run.toml"
[run]
prefix = "sources"
work_path = "runs"
[data]
train_source = ["a/train", "b.txt"]
mask = "mask.npy"
[train]
epochs = 2
lr = 0.01
END

train() {  # train CODE PATTERN SETS...: in the log when CODE is 0, else on the error output
  local want=$1 pattern=$2 code=0
  shift 2
  rm -rf runs
  timeout -k 5 90 "$bin/facetrain" train --config tiny.toml "$@" >out 2>err </dev/null || code=$?
  [ $code = "$want" ] || fail "$*: exit code $code, not $want: $(cat err)"
  if [ "$want" = 0 ]; then
    grep -qF -- "$pattern" runs/sources/training.log || fail "$*: no '$pattern' in $(cat runs/sources/training.log)"
  else
    # Beside the warning of the mask, which comes before.
    grep -qF -- "$pattern" err && [ "$(grep -vc ' leaves 1 of 7 identities ' err)" = 1 ] || fail "$*: not one line with '$pattern': $(cat err)"
  fi
}

train 0 '36 images, 7 identities; 2 trainers x batch 8, 2 steps an epoch'
grep -q 'dataservice: data.mask mask.npy leaves 1 of 7 identities without a picture: 0 (.*/a/train/id_00001/0001.jpg)' err ||
  fail "nothing of the identity without pictures: $(cat err)"
train 0 '36 images, 6 identities; 2 trainers x batch 8, 1 steps an epoch' --set data.mask_shrink=true --set data.fixed_size=16 \
  --set data.fixed_size_redraw=true
train 66 'data.mask wrong.npy: entry 6 is 42, but data.train_source has 42 samples (0 to 41)' --set data.mask=wrong.npy
train 78 'data.fixed_size is 37, but there are only 36 training pictures (that data.mask keeps)' --set data.fixed_size=37
train 66 'data.label_map mask.npy: it holds <i8 (36), needed is one Python object' --set data.label_map=mask.npy

conclude "all checks of sources passed"
