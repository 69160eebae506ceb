#!/usr/bin/env bash
# Where a node's data comes from: staged to its own /tmp, on a node with a full disk from the shared path, with a warning that
# names the node. And a node whose data service is slow is named in the log.
. "$(dirname "$0")/cluster.sh"

"$bin/facetrain" pack -s train.txt -o train.lmdb >pack.log 2>&1 || die "pack: $(cat pack.log)"
begin_job() {  # begin_job NAME FACETRAIN'S OPTIONS...: $job trains for a long time, past its first steps
  local name=$1
  shift
  job=$(FACETRAIN_BIN=$bin FACETRAIN_LOGS=$work/$name.logs sbatch --parsable --nodes=2 --ntasks-per-node=3 --no-requeue \
    --output="$work/$name.log" "$project/deploy/slurm/train.sbatch" --config small.toml --set "run.prefix=$name" \
    --set launch.trainers=2 --set "data.train_source=$work/train.lmdb" "$@") || die "sbatch"
  wait_for_line 'Epoch' "$work/runs/$name/training.log" 60 || cat "$work/$name.log"
}
end_job() { scancel "$job"; wait_for_job "$job" 20 >/dev/null; expect_clean "$1" 10; }
mapped() {  # mapped NODE: the packs that the node's data service has mapped
  local p
  p=$(pids "$1" dataservice)
  grep -oE '/[^ ]*(\.lmdb|\.mdb)[^ ]*$' "/proc/$p/maps" | sort -u
}

on n2 mkdir /tmp/stage
on n2 mount -t tmpfs -o size=8m tmpfs /tmp/stage || die "no small disk for n2"
FACETRAIN_STAGE=/tmp/stage begin_job staged --set train.epochs=100000
log1=$(echo staged.logs/*/rank0.log) log2=$(echo staged.logs/*/rank3.log)
expect_in "n1 stages" 'dataservice \(rank 0 on n1\): .*train.lmdb: copied to /tmp/stage/' "$log1"
[[ $(mapped n1) == /tmp/stage/* ]] || fail "n1 reads $(mapped n1), not its copy"
expect_in "n2 has a full disk" 'dataservice \(rank 3 on n2\): WARNING: data.stage /tmp/stage has room for .*read where it is' "$log2"
[[ $(mapped n2) == "$work/train.lmdb"* ]] || fail "n2 reads $(mapped n2), not the shared pack"
end_job staged
on n2 umount /tmp/stage
FACETRAIN_STAGE=/tmp/stage begin_job staged_again --set train.epochs=100000
expect_in "n1 stages once" 'copy in /tmp/stage/[^ ]* is read' "$(echo staged_again.logs/*/rank0.log)"
[[ $(mapped n2) == /tmp/stage/* ]] || fail "n2 reads $(mapped n2), not its copy"
end_job staged_again
[ -z "$(ls -A /tmp/stage 2>/dev/null)" ] || fail "the copies went to the shared /tmp"

# Stage or not, the samples and losses are the same.
short=(--set train.epochs=2)
FACETRAIN_STAGE=/tmp/stage begin_job copy "${short[@]}" --set "run.trace=$work/copy.jsonl"
expect "copy: state" "$(wait_for_job "$job" 60)" COMPLETED
begin_job shared "${short[@]}" --set "run.trace=$work/shared.jsonl"
expect "shared: state" "$(wait_for_job "$job" 60)" COMPLETED
expect_same_trace "staged" copy.jsonl shared.jsonl

# A node with another list under the same name: nothing is trained.
cp train.txt list.txt && sed '$d' train.txt >shorter.txt
on n2 mount --bind "$work/shorter.txt" "$work/list.txt" || die "no list of its own for n2"
job=$(FACETRAIN_BIN=$bin FACETRAIN_LOGS=$work/others.logs sbatch --parsable --nodes=2 --ntasks-per-node=3 --no-requeue \
  --output="$work/others.log" "$project/deploy/slurm/train.sbatch" --config small.toml --set run.prefix=others \
  --set launch.trainers=2 --set "data.train_source=$work/list.txt") || die "sbatch"
expect "other data: state" "$(wait_for_job "$job" 60)" FAILED
n=$(wc -l <train.txt)
expect_in "other data" "dataservice \(rank 0 on n1\) reads $n samples of .*, but dataservice \(rank 3 on n2\) reads $((n - 1)) samples" \
  "$(echo others.logs/*/rank0.log)"
expect_in "other data: exit code" ' 78' others.log
on n2 umount "$work/list.txt"

# A slow node: its data service stands still for ten seconds after its last batch has been used. (Before that nobody is to be
# called slow; but on a busy machine somebody may be.)
begin_job slow --set train.epochs=100000 --set run.frequency_log=4
log=runs/slow/training.log service=$(pids n2 dataservice)
kill -STOP "$service"
still=0 size=0
for _ in $(seq 120); do
  sleep 0.5
  if [ "$(stat -c %s $log)" = $size ]; then still=$((still + 1)); else still=0 size=$(stat -c %s $log); fi
  [ $still -lt 20 ] || break
done
kill -CONT "$service"
wait_for_line 'Node 1 (n2) is slow' $log 60
expect_in "slow node" 'Node 1 \(n2\) is slow: its trainers waited [1-9][0-9.]+ % of the time for data, those of other nodes [0-9.]+ %; its data service had [0-2]\.[0-9] of 3 batches ready' $log
end_job slow
finish
