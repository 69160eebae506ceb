#!/usr/bin/env bash
# `facetrain train --init-from W.pth` takes the backbone from the file and nothing else: head, momentum, schedule and the order of the
# samples begin anew. Updates that change nothing (a learning rate of 1e-30) show what a run began with.
#   init_from.sh BIN_FOLDER
set -u
bin=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../workplace.sh"
"$bin/facetrain" synth --ids 8 --per-id 8 --out data >/dev/null && "$bin/facetrain" list -s data/train -d . -sfn train >/dev/null || exit 1
printf 'base = "%s/small_run.toml"\n[data]\ntrain_source = "train.txt"\n' "$here" >small.toml
run() {  # run NAME OPTIONS...: its trace NAME.jsonl, its last model NAME.pth
  local name=$1
  shift
  "$bin/facetrain" train --config small.toml --set run.prefix="$name" --trace "$name.jsonl" "$@" >"$name.log" 2>&1 ||
    fail "$name: $(tail -n 3 "$name.log")"
  cp "$(find "workspace/$name/models" -name '*.pth' -printf '%T@ %p\n' | sort -n | tail -1 | cut -d' ' -f2-)" "$name.pth"
}
losses() { grep -o '"loss": [^,]*' "$1.jsonl"; }
still=(--set train.lr=1e-30)
run random "${still[@]}"
run trained --set train.epochs=3
run same "${still[@]}" --init-from random.pth
cmp random.jsonl same.jsonl || fail "from the weights that a run began with, another run"
run further "${still[@]}" --init-from trained.pth
[ "$(losses further)" != "$(losses random)" ] || fail "the backbone of trained.pth is not in use"
diff <(grep -o '^{"step.*"ids": [^]]*' random.jsonl) <(grep -o '^{"step.*"ids": [^]]*' further.jsonl) >/dev/null || fail "steps or samples go on from the other run"
# The head is not the trained one: with it the first loss would be the trained run's next.
run longer --set train.epochs=4
first=$(losses further | head -1 | cut -d' ' -f2) next=$(sed -n 's/^{"step": 13, "rank": 0.*"loss": \([^,]*\),.*/\1/p' longer.jsonl)
echo "first loss with the trained backbone and a new head $first, with both $next"
awk -v first="$first" -v next_="$next" 'BEGIN {exit !(next_ > 0 && first > next_ + 1)}' || fail "the first loss is as low as with the trained head"
# Weights that do not fit are refused with both shapes, and nothing is trained.
"$bin/facetrain" train --config small.toml --set run.prefix=other --set model.width=0.2 --init-from trained.pth >other.log 2>&1
[ $? = 66 ] || fail "weights of another width: $(tail -n 2 other.log)"
grep -q 'run.init_from: trained.pth: ' other.log || fail "weights of another width: $(tail -n 2 other.log)"
conclude "init_from: ok"
