# Checkpoints that are cut off, damaged, or of another run.
latest() { ls $checkpoints 2>/dev/null | sed -n 's/^step_//p' | grep -v tmp | sort -n | tail -1; }
fault_19_kill_at_random_points() {  # FAULT_ROUNDS times (50), at or soon after the beginning of a write
  torn=1
  epochs=100000 data
  sed -i 's/^augment.*/&\n[model]\nwidth = 0.5\nembedding_size = 256/' tiny.toml   # more to write
  local seed=${FAULT_SEED:-$(date +%s)} before victims kills=0
  echo "seed $seed"
  RANDOM=$seed
  background; until_saved 1
  for round in $(seq "${FAULT_ROUNDS:-50}"); do
    victims=$(processes | cut -d' ' -f1 | grep -vx "$launcher")   # now: it takes longer than a write
    sleep "0.$(printf %03d $((RANDOM % 300)))"
    for _ in $(seq 20000); do compgen -G "$checkpoints/*.tmp.*" >/dev/null && break; done
    sleep "0.$(printf %03d $((RANDOM % 12)))"
    kill -9 $victims 2>/dev/null
    ended "round $round" "137 70 1 134 255" 15 >/dev/null
    [ -n "$(find $checkpoints -name '*.tmp.*')" ] && kills=$((kills + 1))
    before=$(latest)
    background
    for _ in $(seq 1200); do grep -q 'Going on from' out || ! kill -0 "$launcher" 2>/dev/null && break; sleep 0.02; done
    grep -q "Going on from $checkpoints/step_$before:" out ||
      fail "round $round: not from step_$before (the launcher $(kill -0 "$launcher" 2>/dev/null && echo runs || { wait "$launcher"; echo "ended with $?"; })): $(tail -n 3 out err)"
    grep -q WARNING out && fail "round $round: $(grep WARNING out)"
    until_saved $((before + 1))
    [ "$failures" = 0 ] || break
  done
  echo "of ${FAULT_ROUNDS:-50} kills $kills hit a write; $before steps done"
  [ "$kills" -ge $((${FAULT_ROUNDS:-50} / 5)) ] || fail "only $kills kills hit a write"   # 4 of 5 do
  kill -USR1 "$launcher"
  ended "the end" 75 30
  [ -z "$(find $checkpoints -name '*.tmp.*')" ] || fail "left behind: $(ls $checkpoints)"
}

damaged() {  # damaged HOW PATTERN: the latest checkpoint
  data; undisturbed; a_few_steps
  local latest before
  latest=step_$(latest)
  before=$(ls $checkpoints | sort -t_ -k2 -n | tail -2 | head -1)
  $1 "$checkpoints/$latest"
  goes_on
  says "Going on from $checkpoints/$before:"
  says "WARNING: the checkpoint $checkpoints/$latest cannot be used: .*$2.*; trying the one before"
}
cut_off() { truncate -s -1 "$1/rank_00001.bin"; }
flip_bit() { python3 -c "
import sys
with open(sys.argv[1], 'r+b') as f:
    f.seek(1000); byte = f.read(1)[0]; f.seek(1000); f.write(bytes([byte ^ 16]))" "$1/rank_00000.bin"; }
fault_20_truncated() { damaged cut_off 'it was cut off'; }
fault_21_bit_flipped() { damaged flip_bit 'is damaged: bytes 0 to [0-9]* have a wrong checksum'; }

fault_22_other_number_of_ranks() {  # 1 -> 3 -> 2 trainers, 24 samples an update
  epochs=7 data
  local whole="--set train.batch_size=24 --set launch.trainers=1" three="--set train.batch_size=8 --set launch.trainers=3" \
    two="--set train.batch_size=12 --set launch.trainers=2"
  # BatchNorm's statistics are each rank's, so losses can be compared where one rank has the whole batch; for a network without them
  # mpi.checkpoints compares every step.
  undisturbed $whole --set train.precision=fp64
  until=4 a_few_steps $whole --set train.precision=fp64
  until=8 a_few_steps $three --set train.precision=fp64
  says 'Going on from .*written by 1 trainers, now there are 3'
  train $two --set train.precision=fp64; expect "two trainers" $? 0
  says 'written by 3 trainers, now there are 2'
  python3 - <<'P' || fail "other samples or losses"
import json
def steps(path):
    found = {}
    for line in map(json.loads, open(path)):
        found.setdefault(line["step"], []).append(line)
    return found
one, changed = steps("undisturbed.jsonl"), steps("a.jsonl")
assert sorted(one) == sorted(changed), (sorted(one), sorted(changed))
ranks = [len(changed[s]) for s in sorted(changed)]
assert ranks[0] == 1 and 3 in ranks and ranks[-1] == 2, ranks
for step in one:
    ids = [sorted(i for line in run[step] for i in line["ids"]) for run in (one, changed)]
    assert ids[0] == ids[1], step
    assert one[step][0]["lr"] == changed[step][0]["lr"], step
    if len(changed[step]) == 1: assert one[step] == changed[step], step
print("ranks by step:", ranks)
P
  nothing_left
  # Another global batch: refused with both numbers, or told.
  train $two --set train.batch_size=8 --set train.epochs=8 --set train.precision=fp64; expect "another global batch" $? 78
  says 'an update took 24 samples .2 trainers., now it would take 16 .2 trainers'
  train $two --set train.batch_size=8 --set train.epochs=8 --set train.precision=fp64 --allow-change plan; expect "told" $? 0
}
refused() {  # refused PATTERN OPTIONS...: what another run is told, in one line; the checkpoints stay as they are
  local pattern=$1
  shift
  local before
  before=$(find $checkpoints -type f -exec md5sum {} + | sort)
  train "$@"
  expect "$row" $? 78
  says "$pattern"
  grep -q 'cannot go on from runs/a/checkpoints/step_[0-9]*: .*--fresh starts a new run' err || fail "no remedy: $(cat err)"
  expect "lines on the error output" "$(wc -l <err)" 1
  expect "the checkpoints" "$(find $checkpoints -type f -exec md5sum {} + | sort)" "$before"
  nothing_left
}
fault_23_other_class_count() {
  data; a_few_steps
  grep -v "$(dirname "$(tail -1 train.txt)")/" train.txt >fewer.txt
  refused 'the data had 8 identities, now they have 7' --set data.train_source=fewer.txt
}
fault_24_other_head() { data; a_few_steps; refused 'head.head was "arcface", now it is "cosface"' --set head.head=cosface --set head.margin=0.4; }
fault_25_other_depth() {
  data; a_few_steps
  refused 'model.width was 0.1, now it is 0.2' --set model.width=0.2
  refused 'model.depth was "50", now it is "18"' --set model.depth=18
}
fault_26_other_data() {
  data; a_few_steps
  sed '1s/.*/&x/' train.txt >renamed.txt
  refused 'the data are others: their digest .* was [0-9]*, now it is [0-9]*' --set data.train_source=renamed.txt
}
fault_27_other_learning_rate() {
  data; a_few_steps
  refused 'train.lr was 0.1, now it is 0.05; --allow-change lr goes on all the same' --set train.lr=0.05
  train --set train.lr=0.05 --allow-change lr; expect "told" $? 0
  grep -qE '"lr": 0.0*5' a.jsonl || fail "the new learning rate is in no step"
  # A finished run says so, and --fresh starts another.
  train --set train.lr=0.05; expect "a finished run" $? 0
  says 'The run in runs/a is finished: 12 epochs, 48 steps; --fresh starts a new one'
  grep -q mpirun out && fail "a finished run was started"
  train --fresh --set train.epochs=1; expect "a fresh run" $? 0
  expect "its folder" "$(find runs -maxdepth 1 -name 'a-20[0-9][0-9]-*' | wc -l)" 1
}
