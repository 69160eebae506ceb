#!/usr/bin/env bash
# The layouts of the seven synthetic data sets that the challenge lists, a few pictures each, through the commands that README.md's
# "Data sets" gives: facetrain check must see the identities and pictures that are there. usage: data_sets.sh BIN_DIR
set -u
bin=$(cd "$1" && pwd)
root=$(cd "$(dirname "$0")/../.." && pwd)
f=$bin/facetrain
. "$root/tests/workplace.sh"
jpg=$root/tests/golden/data/decode/face_444.jpg
png=$root/tests/golden/data/decode/rgb8.png
put() { mkdir -p "$(dirname "$2")" && cp "$1" "$2"; }
# expect NAME SOURCE "IDENTITIES" PICTURES FORMAT: what check says of the data set
$f synth --ids 1 --per-id 1 --val 10 --out drawn >/dev/null || fail "synth"
expect() {
  $f check "$root/configs/demo_cpu.toml" --set "data.train_source=$2" train.batch_size=2 validation.val_source=drawn/val >out 2>err || fail "$1: $(cat out err)"
  grep -qF "ok identities: $2: $3, each" out || fail "$1: not $3 identities: $(grep identities out)"
  grep -qF "$3 identities, $4 images" out || fail "$1: not $4 images: $(grep scale out)"
  grep -qE "picture headers: $2: .*$5" out || fail "$1: not all $5: $(grep headers out)"
}
list() {  # list NAME ARGUMENTS...: facetrain list into NAME.txt
  local name=$1
  shift
  $f list -d . -sfn "$name" "$@" >out 2>err || fail "list $name: $(cat err)"
}

# Vec2Face: hsface10k.lmdb, the reference's LMDB; this one was written by Python's lmdb as the reference's tool does.
cp "$root/tests/golden/data/sources/faces.lmdb" hsface10k.lmdb
$f check "$root/configs/demo_cpu.toml" --set data.train_source=hsface10k.lmdb train.batch_size=2 validation.val_source=drawn/val >out 2>err || fail "Vec2Face: $(cat out err)"
grep -qF "3 identities, 6 images" out || fail "Vec2Face: $(cat out)"

# DCFace: record/file.rec, whose labels are all 0, file.idx, and list.txt with the paths (its record.py's Writer, in bash)
le32() { printf "\\x$(printf '%02x' $(($1 & 255)))\\x$(printf '%02x' $(($1 >> 8 & 255)))\\x$(printf '%02x' $(($1 >> 16 & 255)))\\x$(printf '%02x' $(($1 >> 24)))"; }
mkdir -p dcface/record
key=0
for id in 0 1 9999; do
  for k in 0 1; do
    printf '%d\t%d\n' $key "$(stat -c %s dcface/record/file.rec 2>/dev/null || echo 0)" >>dcface/record/file.idx
    printf '%d\timages/%s/%s.jpg\n' $key $id $k >>dcface/record/list.txt
    size=$((24 + $(stat -c %s "$jpg")))
    { le32 $((0xced7230a)); le32 $size; le32 0; le32 0; le32 $key; le32 0; le32 0; le32 0; cat "$jpg"; head -c $(((4 - size % 4) % 4)) /dev/zero; } >>dcface/record/file.rec
    key=$((key + 1))
  done
done
expect DCFace dcface/record/file.rec 3 6 JPEG
$f unpack dcface/record/file.rec -o dcface/images >out 2>err || fail "DCFace unpack: $(cat err)"
expect DCFace dcface/images 3 6 JPEG

# IDiff-Face: a folder per identity in one per variant, 0/0_0.png
for id in 0 1 10; do for k in 0 1; do put "$png" "idiff/ca-cpd25-synthetic-uniform-10050/$id/${id}_$k.png"; done; done
expect IDiff-Face idiff/ca-cpd25-synthetic-uniform-10050 3 6 PNG
list idiff -s idiff/ca-cpd25-synthetic-uniform-10050 -end_with png
expect IDiff-Face idiff.txt 3 6 PNG

# GANDiffFace: group, identity, picture
for id in White_Male/7381461 White_Male/7381462 Asian_Female/110; do for k in 1 49; do put "$png" "gandiff/$id/$k.png"; done; done
expect GANDiffFace gandiff 3 6 PNG

# DigiFace: subject, 0.png ...; its archives unpack side by side. 72 pictures a subject are more than the 10K scale's 50.
for id in 0 1 2000; do for k in 0 1 2; do put "$png" "digiface/$id/$k.png"; done; done
expect DigiFace digiface 3 9 PNG
list digiface -s digiface -end_with png --max-per-id 2
expect DigiFace digiface.txt 3 6 PNG

# SFace: six digits each; more identities than 10000
for id in 000000 000001 010571; do for k in 000000 000001 000002; do put "$png" "sface/$id/$k.png"; done; done
expect SFace sface 3 9 PNG
list sface -s sface -end_with png --max-ids 2 --max-per-id 2
expect SFace sface.txt 2 4 PNG

# SynFace: mixed identities are in the file's name, with brackets; the folder is the identity
for id in 00001 00002; do for k in 001 002; do put "$jpg" "synface/$id/${k}_${id}x0.350_(00003)x0.650.jpg"; done; done
expect SynFace synface 2 4 JPEG
list synface -s synface
expect SynFace synface.txt 2 4 JPEG

conclude "data sets: all as expected"
