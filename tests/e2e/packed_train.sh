#!/usr/bin/env bash
# A job learns the same from a list as from the LMDB, the tar shards and the folder that pack and unpack make of it: the same losses,
# step by step. usage: packed_train.sh BIN_DIR
set -euo pipefail
bin=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d /tmp/facetrain-packed.XXXXXX)
trap 'rm -rf "$work"' EXIT
cd "$work"
facetrain=$bin/facetrain
fail() { echo "FAILED: $*"; exit 1; }

$facetrain synth --ids 6 --per-id 6 --out data >/dev/null
$facetrain list -s data/train -d . -sfn sorted >/dev/null
shuf --random-source=<(yes) sorted.txt >list.txt   # ungrouped
$facetrain pack -s list.txt -o faces.lmdb
$facetrain pack -s list.txt -o tar/faces.json --shard 10
$facetrain unpack faces.lmdb -o folder
$facetrain list -s folder -d . -sfn again
cat >tiny.toml <<END
base = "$here/small_run.toml"
[train]
batch_size = 6
END
for source in list.txt faces.lmdb tar/faces.json again.txt; do
  name=$(echo "$source" | tr ./ __)
  $facetrain train --config tiny.toml --set "run.prefix=$name" --set "data.train_source=$source" >"$name.out" 2>&1 ||
    { tail -5 "$name.out"; fail "training on $source"; }
  grep -oE 'Loss [0-9.]+' "workspace/$name/training.log" >"$name.losses" || fail "no losses in the log of $source"
  [ "$(wc -l <"$name.losses")" -ge 3 ] || fail "only $(wc -l <"$name.losses") losses in the log of $source"
  cmp list_txt.losses "$name.losses" || fail "$source gives other losses than list.txt"
done
echo "packed: $(wc -l <list_txt.losses) losses, the same from all: $(tr '\n' ' ' <list_txt.losses)"
