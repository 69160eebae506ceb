#!/usr/bin/env bash
# A job learns the same from a list as from the LMDB, the tar shards and the folder that pack and unpack make of it: the same losses,
# step by step; and from copies of packs on the node (data.stage), in the order of shards (data.order), each picture at most once an epoch.
# usage: packed_train.sh BIN_DIR
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

# From a copy: the same losses again; the second run finds the copy; without room or with a list, the run says so and goes on.
staged() {  # staged NAME SOURCE FOLDER EXPECTED: trains with data.stage, wants EXPECTED in what the run says and the same losses
  $facetrain train --config tiny.toml --set "run.prefix=$1" --set "data.train_source=$2" --set "data.stage=$3" >"$1.out" 2>&1 ||
    { tail -5 "$1.out"; fail "training on $2 with data.stage=$3"; }
  grep -q "$4" "$1.out" || { cat "$1.out"; fail "data.stage=$3 with $2: no line with '$4'"; }
  grep -oE 'Loss [0-9.]+' "workspace/$1/training.log" | cmp - list_txt.losses || fail "$2 staged in $3 gives other losses"
}
staged first faces.lmdb "$work/stage" 'faces.lmdb: copied to '
staged second faces.lmdb "$work/stage" 'faces.lmdb: the copy in .* is read'
staged tar tar/faces.json "$work/stage" 'faces.json: copied to '
staged no_folder faces.lmdb /proc/none 'WARNING: data.stage cannot be used'
staged a_list list.txt "$work/stage" 'WARNING: data.stage copies packed sources only'

$facetrain train --config tiny.toml --set run.prefix=chunked --set data.train_source=faces.lmdb --set data.order=chunked \
  --set data.shard=5 --set data.window=10 --set train.epochs=2 --trace chunked.jsonl >chunked.out 2>&1 || { tail -5 chunked.out; fail "data.order=chunked"; }
python3 - <<'P' || fail "data.order=chunked: not each picture once an epoch"
import json
steps = [json.loads(line) for line in open("chunked.jsonl")]
last = max(s["step"] for s in steps)
epochs = [sorted(i for s in steps if (s["step"] > last // 2) == late for i in s["ids"]) for late in (False, True)]
orders = [[i for s in sorted(steps, key=lambda s: (s["step"], s["rank"])) if (s["step"] > last // 2) == late for i in s["ids"]] for late in (False, True)]
print("chunked: epochs of", [len(e) for e in epochs], "pictures")
assert all(len(e) == len(set(e)) == 36 for e in epochs), epochs
assert orders[0] != orders[1]
P
echo "packed: $(wc -l <list_txt.losses) losses, the same from all: $(tr '\n' ' ' <list_txt.losses)"
