#!/usr/bin/env bash
# facetrain check as a user runs it: one line a finding, exit codes 0, 66 and 78, on good and bad data sets and configurations, and
# the launch line that facetrain train would run. usage: check.sh BIN_DIR
set -u
bin=$(cd "$1" && pwd)
root=$(cd "$(dirname "$0")/../.." && pwd)
f=$bin/facetrain
. "$root/tests/workplace.sh"
check() {  # check CODE [ARGUMENTS...]: runs facetrain check, its output in out
  local expected=$1
  shift
  $f check "$@" >out 2>err
  local code=$?
  [ "$code" = "$expected" ] || fail "check $*: exit code $code, expected $expected: $(cat out err)"
  grep -qvE '^(ok|note|WARNING|REFUSED) [^:]+: .+: .+|^[0-9]+ refused, [0-9]+ warnings?$' out && fail "check $*: not a finding: $(cat out)"
}
says() { grep -qF -- "$1" out || fail "no '$1' in: $(cat out)"; }
says_not() { grep -qF -- "$1" out && fail "'$1' in: $(cat out)"; }

$f synth --ids 130 --per-id 4 --val 10 --out demo >/dev/null || fail "synth"
$f list -s demo/train -d . -sfn train >/dev/null || fail "list"
set_good=(--set data.train_source=train.txt validation.val_source=demo/val 'validation.val_list=["synth"]')

# ---- a good data set
check 0 "$root/configs/demo_cpu.toml" "${set_good[@]}"
says 'ok config: '
says 'ok list: train.txt: 520 paths'
says 'ok identities: train.txt: 130, each of 4 to 4 pictures'
says "ok scale: 130 identities, 520 images: within the challenge's 10K scale"
says 'ok picture headers: train.txt: 520 x JPEG 112 x 112 with 3 channels'
says 'ok validation sets: demo/val: synth'
says 'ok epoch: 520 images: 8 steps of 2 x 32'
says 'WARNING challenge: model.model = "mobilefacenet": the challenge fixes it at "iresnet"'
says "WARNING global batch: 2 x 32 = 64: the challenge's is 4 x 128"
[ -s err ] && fail "an error line without an error: $(cat err)"
sets=(--set data.train_source=train.txt --set validation.val_source=demo/val --set 'validation.val_list=["synth"]')
line=$($f train --config "$root/configs/demo_cpu.toml" "${sets[@]}" --dry-run | tail -1)
says "ok launch: facetrain train runs: $line"
check 0 "$root/configs/demo_cpu.toml" "${set_good[@]}" --deep
says 'ok pictures: train.txt: 520 x JPEG'
check 0 "$root/configs/demo_cpu.toml" --set data.train_source=demo/train validation.val_source=demo/val  # a folder
says 'ok identities: demo/train: 130'

check 78 "$root/configs/demo_cpu.toml" "${set_good[@]}" train.batch_size=500
says 'REFUSED epoch: train.txt: '

# ---- the challenge's rules: refused with --scale, warned without
default=$root/configs/arcface_r50_default.toml
check 0 "$default" "${set_good[@]}" --scale 10K --gpu-memory 80
says 'ok challenge: hyperparameters: as in configs/arcface_r50_default.toml'
says "ok global batch: 4 x 128 = 512: the challenge's"
says 'ok GPU memory: about '
says 'ok disk: workspace, 26 models of 0.16 GiB'
check 78 "$default" "${set_good[@]}" --scale 10K --gpu-memory 1
says 'REFUSED GPU memory: '
check 78 "$default" "${set_good[@]}" train.lr=0.2 --scale 20K --gpu-memory 80
says 'REFUSED challenge: train.lr = 0.2: the challenge fixes it at 0.1'
grep -qF 'check: 1 refused, ' err || fail "the verdict: $(cat err)"
check 0 "$default" "${set_good[@]}" train.lr=0.2 --gpu-memory 80
says 'WARNING challenge: train.lr = 0.2'
check 78 "$default" "${set_good[@]}" launch.trainers=2 --scale 10K --gpu-memory 80
says 'REFUSED global batch: 2 x 128 = 256'
check 78 "$default" --scale 30K
grep -qF -- '--scale must be 10K, 20K or 100K' err || fail "an unknown scale: $(cat err)"

# ---- what is wrong with a configuration
printf '[train]\nlr = "x"\nepoch = 1\n' >bad.toml
check 78 bad.toml
says 'REFUSED config: bad.toml: bad.toml:2:6: train.lr: expected number'
says 'REFUSED config: bad.toml: bad.toml:3:1: unknown key `epoch`'
check 78 none.toml
check 78 "$default" "${set_good[@]}" run.prefix=a/b

# ---- what is wrong with a list
check 66 "$default" --set data.train_source=none.txt validation.val_source=demo/val 'validation.val_list=["synth"]'
says 'REFUSED list: none.txt: '
: >empty.txt
check 66 "$default" "${set_good[@]:0:1}" data.train_source=empty.txt validation.val_source=demo/val 'validation.val_list=["synth"]'
says 'REFUSED list: empty.txt: it names no picture'
mkdir -p other/00000 one/single
cp demo/train/"$(ls demo/train | head -1)"/* other/00000/
same=$(ls demo/train | head -1)
mkdir -p "second/$same"
cp other/00000/* "second/$same/"
cp "$(head -1 train.txt)" one/single/1.jpg
{ head -3 train.txt; echo; cat train.txt; echo "$work/one/single/1.jpg"; ls -d "$work/second/$same"/*; } >messy.txt
check 0 "$root/configs/demo_cpu.toml" --set data.train_source=messy.txt validation.val_source=demo/val
says 'WARNING list: messy.txt:4: a blank line'
says 'WARNING list: messy.txt:5 and 2 more: the same path twice'
says 'the same folder name under different roots becomes one identity'
says '1 of 131 identities have one picture'
says 'WARNING data: '

# ---- what is wrong with pictures
cp -r demo/train broken
first=$(find broken -name '*.jpg' | sort | head -1)
truncate -s 2000 "$first"
check 0 "$root/configs/demo_cpu.toml" --set data.train_source=broken validation.val_source=demo/val
says_not 'WARNING picture'
check 0 "$root/configs/demo_cpu.toml" --set data.train_source=broken validation.val_source=demo/val --deep
says 'WARNING pictures: broken: 1 of 520 cannot be used'
for picture in $(find broken -name '*.jpg' | sort | head -11); do echo '<html>' >"$picture"; done
check 66 "$root/configs/demo_cpu.toml" --set data.train_source=broken validation.val_source=demo/val
says 'REFUSED picture headers: broken: 11 of 520 cannot be used'
says 'a web page'

# ---- validation sets that are not there
check 66 "$root/configs/demo_cpu.toml" --set data.train_source=train.txt validation.val_source=nowhere
says 'REFUSED validation sets: nowhere/synth/synth.npy: no such file; `facetrain prepare` makes it'

conclude "check: all as expected"
