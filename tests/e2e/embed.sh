#!/usr/bin/env bash
# facetrain embed on drawn pictures: equal features at 1, 2 and 3 trainers, the parent's layout, a picture that cannot be used.
# Then what else the parent's users bring: hadrian and eclipse as validation sets, align -> embed -> ijb.
#   embed.sh BIN_FOLDER
set -euo pipefail
bin=$(cd "$1" && pwd)
golden=$(cd "$(dirname "$0")/../golden/data" && pwd)
work=$(mktemp -d /tmp/facetrain-embed.XXXXXX)
trap 'rm -rf "$work"' EXIT
cd "$work"
facetrain=$bin/facetrain
check() { "$@" || { echo "FAILED: $*"; exit 1; }; }

$facetrain synth --ids 4 --per-id 6 --out demo >/dev/null
$facetrain list -s demo/train -d . -sfn train >/dev/null
$facetrain prepare --xz_folder "$golden" --destination sets --datasets hadrian eclipse >/dev/null  # ten pairs each
cat >c.toml <<END
[data]
train_source = "train.txt"
[model]
model = "mobilefacenet"
width = 0.125
embedding_size = 32
[train]
batch_size = 12
epochs = 1
precision = "fp32"
[validation]
val_source = "sets"
val_list = ["hadrian", "eclipse"]
[launch]
threads = 1
END
$facetrain train --config c.toml >train.out 2>&1 || { cat train.out; exit 1; }
check grep -qE -- '-hadrian: [01]\.[0-9]{5}\+-0\.[0-9]{5}' train.out
check grep -qE -- '-eclipse: [01]\.[0-9]{5}\+-0\.[0-9]{5}' train.out
mv workspace/*/models/*.pth m.pth
rm -r workspace

# A list that is not sorted by identity: row i is line i.
sort -t/ -k5 -r train.txt | awk '{ print NR % 7, $0 }' | sort -n | cut -d' ' -f2- >list.txt
for trainers in 1 2 3; do
  $facetrain embed --model_path m.pth --source list.txt -dest "f$trainers.npy" --batch 5 --threads 1 --trainers $trainers >out 2>err ||
    { cat out err; exit 1; }
  check [ ! -s err ]
  check cmp f1.npy "f$trainers.npy"
  check cmp list.txt "f$trainers.txt"
  check [ ! -e "f$trainers.bad_images.txt" ]
done
check grep -q '^+ mpirun .*dataservice .* : .*trainer ' out
check grep -qx 'f3.npy: 24 x 32 float32; the rows.* names: f3.txt' out
check [ "$(stat -c %s f1.npy)" = $((128 + 24 * 32 * 4)) ]
check [ ! -e workspace ]

# The reversed list gives the reversed rows: each line's features do not depend on its neighbours.
tac list.txt >back.txt
$facetrain embed --model_path m.pth --source back.txt -dest reversed.npy --batch 5 --threads 1 --trainers 2 >out 2>err
rows() { tail -c $((24 * 128)) "$1" | od -An -v -tx1 -w128; }  # a line per row of 32 floats
check cmp <(rows f1.npy) <(rows reversed.npy | tac)
check [ "$(rows f1.npy | sort -u | wc -l)" = 24 ]
$facetrain embed --model_path m.pth --source list.txt -dest flip.npy --add_flip --batch 5 --threads 1 >out 2>err
check [ "$(rows flip.npy | sort - <(rows f1.npy) | uniq -d | wc -l)" = 0 ]

# A folder, in the parent's layout. Two pictures are no pictures: NaN, listed, no file.
cp -r demo/train broken
first=$(find broken -name '*.jpg' | sort | head -1) last=$(find broken -name '*.jpg' | sort | tail -1)
echo "no picture" >"$first"
head -c 900 "$last" >cut && mv cut "$last"
$facetrain embed --model_path m.pth --source broken --per_image -dest features --batch 5 --threads 1 --trainers 2 >out 2>err
check grep -q '2 pictures could not be used: their rows are NaN' err
check [ "$(wc -l <features/features.bad_images.txt)" = 2 ]
check grep -q "^$first" features/features.bad_images.txt
check grep -q "^$last" features/features.bad_images.txt
check [ "$(rows features/features.npy | grep -c '^\( 00 00 c0 7f\)\{32\}$')" = 2 ]
check cmp <(find broken -name '*.jpg' | sort) features/features.txt
check [ "$(find features -mindepth 2 -name '*.npy' | wc -l)" = 22 ]
second=$(sed -n 2p features/features.txt)
place=features/$(basename "$(dirname "$second")")/$(basename "$second" .jpg).npy
check cmp <(tail -c 128 "$place") <(tail -c $((23 * 128)) features/features.npy | head -c 128)
check [ "$(stat -c %s "$place")" = $((128 + 128)) ]

# Mistakes: one line, the right code, no array.
fails() {  # fails CODE PATTERN ARGUMENTS...
  local code=0 want=$1 pattern=$2
  shift 2
  $facetrain embed -dest no.npy --batch 5 "$@" >out 2>err || code=$?
  check [ "$code" = "$want" ]
  grep -qE -- "$pattern" err || { echo "FAILED: no /$pattern/ in: $(cat err)"; exit 1; }
  check [ "$(wc -l <err)" = 1 ]
  check [ ! -e no.npy ]
}
fails 66 'cannot read the source none.txt' --model_path m.pth --source none.txt
fails 78 '--depth 50 was given|--model iresnet was given' --model_path m.pth --model iresnet --source list.txt --trainers 2
: >empty.txt
fails 66 'names no picture' --model_path m.pth --source empty.txt
cp list.txt no.txt  # its list of names would be written over the source
fails 78 'no.txt' --model_path m.pth --source no.txt
check cmp list.txt no.txt
echo nothing.jpg >bad.txt
fails 66 'too many bad pictures: 1 ' --model_path m.pth --source bad.txt
fails 66 'list.txt' --model_path list.txt --source list.txt
$facetrain verify --model_path m.pth --val_source sets --val_list hadrian eclipse --bgr --mean 0 --std 1 >out
check grep -qE '^hadrian: [01]\.[0-9]{5}\+-' out
check grep -qE '^eclipse: [01]\.[0-9]{5}\+-' out

# A small set in IJB-B's layout: each picture its own template and media, pairs of neighbours in the list.
mkdir meta
marks="38.3 51.7 73.5 51.5 56.0 71.7 41.5 92.4 70.7 92.2"
sort train.txt | sed "s|^$work/demo/train/||" >names
awk '{ print $0, NR, 100 + NR }' names >meta/ijbb_face_tid_mid.txt
awk -v marks="$marks" '{ print $0, marks, 0.5 + NR % 3 / 8 }' names >meta/ijbb_name_5pts_score.txt
awk '{ split($0, a, "/"); if (NR > 1) print NR - 1, NR, a[1] == last; last = a[1] }' names >meta/ijbb_template_pair_label.txt
$facetrain align --landmarks meta/ijbb_name_5pts_score.txt --images demo/train --destination aligned >out
check grep -qx '24 aligned pictures: aligned/aligned.txt' out
$facetrain embed --model_path m.pth --source aligned/aligned.txt -dest ijbb.npy --add_flip --batch 5 --threads 1 >out 2>err
$facetrain ijb --features ijbb.npy --meta meta --target IJBB --job run >out
check grep -qE '^\|  Methods  \| +1e-06 +\| +1e-05 +\| +0\.0001 +\| +0\.001 +\| +0\.01 +\| +0\.1 +\|$' out
check grep -qE '^\| ijbb-IJBB \|( +[0-9]+\.[0-9]{2} +\|){6}$' out
check [ "$(stat -c %s run/ijbb.npy)" = $((128 + 23 * 8)) ]
echo "embed: all as documented"
