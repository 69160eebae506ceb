#!/usr/bin/env bash
# The README's commands on real photographs (../shared/data/orl): list, prepare, train on 2 ranks, verify, submit.
#   orl.sh BIN_FOLDER
set -euo pipefail
bin=$(cd "$1" && pwd)
shared=${FACETRAIN_SHARED:-$(cd "$(dirname "$0")/../.." && pwd)/../shared}
orl=$shared/data/orl
[ -d "$orl" ] || { echo "SKIPPED: $orl is not here"; exit 0; }
orl=$(cd "$orl" && pwd)
work=$(mktemp -d /tmp/facetrain-orl.XXXXXX)
trap 'rm -rf "$work"' EXIT
cd "$work"
facetrain=$bin/facetrain
check() { "$@" || { echo "FAILED: $*"; exit 1; }; }
matches() { grep -qE -- "$1" "$2" || { echo "FAILED: no line of $2 matches /$1/:"; tail -5 "$2"; exit 1; }; }

$facetrain list -s "$orl/train" -d . -sfn orl
check [ "$(wc -l <orl.txt)" = 250 ]
check [ "$(head -1 orl.txt)" = "$orl/train/s01/01.jpg" ]
check [ "$(cut -d/ -f1- orl.txt | xargs -n1 dirname | sort -u | wc -l)" = 25 ]

$facetrain prepare --xz_folder "$orl/val" --destination sets --datasets orl_val
check [ "$(stat -c %s sets/orl_val/orl_val.npy)" -ge $((1200 * 3 * 112 * 112)) ]
check [ "$(wc -l <sets/orl_val/issame.txt)" = 600 ]

cat >orl.toml <<END
[run]
prefix = "orl"
frequency_log = 2
[data]
train_source = "orl.txt"
[model]
model = "mobilefacenet"
width = 0.25
embedding_size = 64
[train]
batch_size = 16
epochs = 2
lr = 0.05
precision = "fp32"
[validation]
val_source = "sets"
val_list = "orl_val"
[launch]
trainers = 2
threads = 1
END
$facetrain train --config orl.toml 2>&1 | tee train.out
matches '^\+ mpirun .*dataservice .* : .*trainer ' train.out
check [ "$(find workspace/orl/models -name 'model_*_accuracy;0.????_step;*.pth' | wc -l)" = 2 ]
matches 'orl_val: 0\.[0-9]{5}\+-0\.[0-9]{5}' workspace/orl/training.log
matches 'Loss [0-9.]+' workspace/orl/training.log
check [ ! -s workspace/orl/bad_images.txt ]

model=$(find workspace/orl/models -name '*step;15.pth')   # 7 steps an epoch, twice; the name tells the next one
$facetrain verify --model_path "$model" --val_source sets --val_list orl_val --add_flip | tee verify.out
matches '^orl_val: 0\.[0-9]{5}\+-0\.[0-9]{5}$' verify.out
matches '^Mean accuracy: 0\.[0-9]{5}$' verify.out

mkdir test && ln -s ../sets/orl_val/orl_val.npy test/images.npy
$facetrain submit --model_path "$model" --image_paths test/images.npy --dataset_scale 10K
check [ "$(wc -l <test_10K_result.txt)" = 600 ]
check [ "$(grep -cE '^[0-9]\.[0-9]{18}e[+-][0-9]{2}$' test_10K_result.txt)" = 600 ]
python3 -c 'import sys, zipfile; z = zipfile.ZipFile("test_10K_result.zip"); assert z.namelist() == ["test_10K_result.txt"] and z.read("test_10K_result.txt") == open("test_10K_result.txt", "rb").read()'
echo "orl: all as documented"
