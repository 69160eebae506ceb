#!/usr/bin/env bash
# What a run survives, a function each, which is a ctest row of its own (label fault): exit code, message, nothing left behind, and that
# a run that goes on takes the very steps of one that was never disturbed (its trace, byte for byte).
#   faults.sh BIN_FOLDER fault_NN_what
set -u
bin=$(cd "$1" && pwd)
row=$2
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../workplace.sh"
export TMPDIR=$work/tmp   # Open MPI's session folders go here too
mkdir "$TMPDIR"
facetrain=$bin/facetrain
checkpoints=runs/a/checkpoints
pids() { processes | grep "^[0-9]* $1" | cut -d' ' -f1; }
nothing_left() {
  local left=x
  for _ in $(seq 50); do
    left=$(processes)
    [ -z "$left" ] && break
    sleep 0.1
  done
  [ -z "$left" ] || fail "left behind: $left"
}
expect() { [ "$2" = "$3" ] || fail "$1: expected '$3', got '$2': $(tail -n 5 out err)"; }
says() { grep -qE -- "$1" out err || fail "nothing says /$1/: $(tail -n 5 out err)"; }

data() {
  "$facetrain" synth --ids 8 --per-id 8 --val 20 --out data >/dev/null && "$facetrain" list -s data/train -d . -sfn train >/dev/null ||
    { echo "FAILED: no data set to test with"; exit 1; }
  cat >tiny.toml <<END
base = "$here/small_run.toml"
[run]
prefix = "a"
work_path = "runs"
trace = "a.jsonl"
[data]
train_source = "train.txt"
augment = true
[train]
epochs = ${epochs:-12}
reduce_lr = [2, 4]
[checkpoint]
minutes = 0.00001
END
}
train() { timeout -k 5 300 "$facetrain" train --config tiny.toml "$@" >out 2>err </dev/null; }
undisturbed() {  # the trace that a run shall have in spite of all
  train --set run.prefix=undisturbed --set run.trace=undisturbed.jsonl --set checkpoint.minutes=0 "$@"
  expect "the undisturbed run" $? 0
}
background() {  # $launcher, a run that goes on beside the test
  : >out; : >err   # what an earlier run said is no answer
  set -m   # so that the job gets SIGINT's usual meaning
  "$facetrain" train --config tiny.toml "$@" >out 2>err </dev/null &
  launcher=$!
  set +m
}
until_saved() {  # until_saved N: until there is a checkpoint of N steps or more
  for _ in $(seq 1200); do
    ls $checkpoints 2>/dev/null | sed -n 's/^step_\([0-9]*\)$/\1/p' | awk -v n="$1" '$1 >= n {found = 1} END {exit !found}' && return
    kill -0 "$launcher" 2>/dev/null || break
    sleep 0.05
  done
  fail "no checkpoint of $1 steps: $(tail -n 3 out err)"
}
ended() {  # ended WHAT CODES SECONDS: the launcher, with one of the codes
  local code=0 begin=$SECONDS
  for _ in $(seq $((10 * $3))); do kill -0 "$launcher" 2>/dev/null || break; sleep 0.1; done
  kill -9 "$launcher" 2>/dev/null && fail "$1: it has not ended within $3 s"
  wait "$launcher" 2>/dev/null || code=$?
  case " $2 " in *" $code "*) ;; *) fail "$1: exit code $code, not one of $2: $(tail -n 3 out err)" ;; esac
  nothing_left
}
goes_on() {  # the same command again: to the end, with the undisturbed run's steps
  train "$@"
  expect "going on" $? 0
  says 'Going on from runs/a/checkpoints/step_'
  cmp undisturbed.jsonl a.jsonl || fail "the run that went on took other steps"
  [ -z "$(find runs -name '*.tmp.*')" ] || fail "left behind: $(find runs -name '*.tmp.*')"
  nothing_left
}
a_few_steps() {  # a run that stops after some steps, with checkpoints
  background "$@"
  until_saved "${until:-10}"
  kill -USR1 "$launcher"
  ended "USR1" 75 30
}

killed() {  # killed WHAT PATTERN: kill -9 in the middle
  data; undisturbed; background; until_saved 10
  $1
  ended "$row" "137 70 75 1 134 255" 15
  says "$2"
  goes_on
}
kill_service() { kill -9 "$(pids "$bin/dataservice ")"; }
kill_trainer() { kill -9 "$(pids "$bin/trainer " | tail -1)"; }
kill_waiting_trainer() {  # one stands still, so that the other waits in an exchange
  kill -STOP "$(pids "$bin/trainer " | tail -1)"
  sleep 0.5
  kill -9 "$(pids "$bin/trainer " | head -1)"
}
kill_mpirun() { kill -9 "$(pids "mpirun")"; }
fault_01_kill_service() { killed kill_service 'dataservice.*killed by signal 9|service.*(died|ended|closed)'; }
fault_02_kill_trainer() { killed kill_trainer 'trainer.*killed by signal 9|trainer.*(died|ended|closed)'; }
fault_03_kill_trainer_in_exchange() { killed kill_waiting_trainer 'trainer.*killed by signal 9|trainer.*(died|ended|closed)'; }
fault_04_kill_mpirun() { killed kill_mpirun 'facetrain: '; rm -rf "${TMPDIR:?}"/*; }   # what Open MPI itself leaves

stopped() {  # stopped WHO PATTERN: kill -STOP, and who notices names it in the only line
  data; undisturbed; background --set limits.silence=6; until_saved 10
  kill -STOP "$($1)"
  ended "$row" 70 20
  says "$2"
  expect "lines on the error output" "$(wc -l <err)" 1
  goes_on
}
service_pid() { pids "$bin/dataservice "; }
last_trainer_pid() { pids "$bin/trainer " | tail -1; }
silent="gave no sign of life for [0-9]+ s, last seen [a-z0-9 ]*: stopped, frozen or cut off"
fault_05_stop_service() { stopped service_pid "^trainer .rank 1 on .*: rank 0 .dataservice on $(uname -n). $silent"; }
fault_06_stop_trainer() {
  stopped last_trainer_pid "^dataservice .rank 0 on .*: rank 2 .trainer on $(uname -n). $silent"
  # The whole job stopped for longer than the limit, as a suspended machine is: nobody is named, it goes on to its end.
  rm -rf runs/a
  background --set limits.silence=6; until_saved 10
  local all
  all="$launcher $(processes | cut -d' ' -f1)"
  kill -STOP $all
  grep -q '^State:.T' "/proc/$launcher/status" || fail "it had ended before it was stopped"
  sleep 9
  kill -CONT $all
  ended "stopped as a whole" 0 60
  [ ! -s err ] || fail "the error output says: $(cat err)"
  cmp undisturbed.jsonl a.jsonl || fail "the run that was stopped as a whole took other steps"
}

fault_07_usr1() {  # in the middle of an epoch
  data; undisturbed
  local try manifest
  for try in 1 2 3 4 5 6; do
    background; until_saved $((6 * try))
    kill -USR1 "$launcher"
    ended USR1 75 30
    says 'Stopped as asked after step'
    [ ! -s err ] || fail "the error output says: $(cat err)"
    manifest=$checkpoints/step_$(latest)/manifest.toml
    grep -q '^step = [1-9]' "$manifest" && break
  done
  grep -q '^step = [1-9]' "$manifest" || fail "it has never stopped inside an epoch"
  goes_on
}
fault_08_usr1_twice() {
  data; undisturbed; background; until_saved 6
  kill -USR1 "$launcher"; kill -USR1 "$launcher"; sleep 0.05; kill -USR1 "$launcher" 2>/dev/null
  ended "USR1 twice" 75 30
  goes_on
}
fault_09_usr1_in_validation() {
  data
  sed -i 's/^reduce_lr.*/&\n[validation]\nval_source = "data\/val"\nval_list = ["synth"]/' tiny.toml
  undisturbed; background
  for _ in $(seq 1200); do grep -q Validating out 2>/dev/null && break; sleep 0.02; done
  kill -USR1 "$launcher"
  ended "USR1 in the validation" 75 30
  goes_on
}
fault_10_usr1_in_save() {  # checkpoints are written without a pause
  data; undisturbed
  for round in 1 2 3; do
    background; until_saved $((6 * round))
    kill -USR1 "$launcher"
    ended "USR1 in a save" 75 30
  done
  goes_on
}
fault_11_usr1_before_first_step() {
  data; undisturbed; background
  for _ in $(seq 1200); do [ -n "$(pids "$bin/trainer ")" ] && break; sleep 0.02; done
  kill -USR1 "$launcher"
  ended "USR1 before the first step" 75 30
  train; expect "starting again" $? 0
  cmp undisturbed.jsonl a.jsonl || fail "the run that went on took other steps"
}
signalled() {  # signalled SIGNAL NAME
  data; undisturbed; background; until_saved 6
  kill "-$1" "$launcher"
  ended "$1" 75 30
  says "facetrain: $2: the job finishes its step and writes a checkpoint"
  goes_on
}
fault_12_term() { signalled TERM SIGTERM; }
fault_13_ctrl_c() { signalled INT Ctrl-C; }

small_disk() {  # small_disk FOLDER SIZE: a tmpfs there, until the test ends
  mkdir -p "$1"
  if ! mount -t tmpfs -o "size=$2" none "$1" 2>/dev/null; then
    [ "$failures" = 0 ] || exit 1
    echo "SKIPPED: this user cannot mount a small tmpfs"
    exit 0
  fi
  trap 'umount -l "$work/'"$1"'" 2>/dev/null; rm -rf "$work"' EXIT
}
fault_14_disk_full_before_save() { full_disk_case 0; }
fault_15_disk_full_in_save() { full_disk_case 50; }
fault_16_disk_full_at_the_end_of_save() { full_disk_case 99; }
full_disk_case() {  # full_disk_case PERCENT: of the second checkpoint find room
  epochs=3 data
  undisturbed
  local pages
  pages=$(find runs/undisturbed/checkpoints/step_4 -type f -printf '%s\n' | awk '{pages += int(($1 + 4095) / 4096)} END {print pages}')
  small_disk $checkpoints $((4 * (pages + pages * $1 / 100)))k
  train --set checkpoint.minutes=0 --set checkpoint.keep=0
  expect "a full disk" $? 74
  says 'WARNING: checkpoint step_8 was not written: .*No space left on device; the checkpoint before it stays, training goes on'
  grep -qE 'trainer .*: checkpoint step_12 was not written: .*No space left on device' err || fail "no reason on the error output: $(cat err)"
  expect "what is there" "$(ls $checkpoints)" step_4
  nothing_left
  mount -o remount,size=64m "$work/$checkpoints"
  goes_on --set checkpoint.minutes=0 --set checkpoint.keep=0
}
fault_17_disk_full_in_export() {
  epochs=2 data
  undisturbed
  small_disk runs/a/models 64k
  train --set checkpoint.minutes=0
  expect "no room for a model" $? 74
  says 'WARNING: the model was not exported: write .*No space left on device; training goes on'
  expect "what is there" "$(ls runs/a/models)" ""
  nothing_left
  mount -o remount,size=64m "$work/runs/a/models"
  goes_on --set checkpoint.minutes=0
  expect "models" "$(ls runs/a/models | wc -l)" 1
}
fault_18_read_only_folder() {
  epochs=2 data
  mkdir -p runs/a
  small_disk runs/a 1m
  mount -o remount,ro "$work/runs/a"
  train
  expect "a folder that is read-only" $? 74
  says 'Read-only file system'
  nothing_left
}

latest() { ls $checkpoints 2>/dev/null | sed -n 's/^step_//p' | grep -v tmp | sort -n | tail -1; }
fault_19_kill_at_random_points() {  # FAULT_ROUNDS times (50), at or soon after the beginning of a write
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
  [ "$kills" -gt 0 ] || fail "no kill hit a write"
  kill -USR1 "$launcher"
  ended "the end" 75 30
  [ -z "$(find $checkpoints -name '*.tmp.*')" ] || fail "left behind: $(ls $checkpoints)"
}

damaged() {  # damaged HOW PATTERN: the latest checkpoint
  data; undisturbed; a_few_steps
  local latest
  latest=$(ls $checkpoints | sort -t_ -k2 -n | tail -1)
  $1 "$checkpoints/$latest"
  goes_on
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
  # Without statistics of the batch, which are each rank's, and in float64: the losses are the same up to rounding.
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

fault_28_nan_on_one_rank() {  # rank 2 is trainer 1; the update is skipped by both
  data
  train --set debug.inject=rank=2,step=5,fault=nan,steps=2
  expect "two bad updates" $? 0
  says 'WARNING: update 5 was skipped: loss or gradients are NaN or infinite, the embeddings too of trainer 1; its samples are in runs/a/nonfinite.jsonl'
  expect "lines on the error output" "$(wc -l <err)" 0
  python3 - <<'P' || fail "the notes are not the trace's samples"
import json, math
trace = {(t["step"], t["rank"]): t for t in map(json.loads, open("a.jsonl"))}
notes = {(t["step"], t["rank"]): t for t in map(json.loads, open("runs/a/nonfinite.jsonl"))}
assert sorted(notes) == [(5, 0), (5, 1), (6, 0), (6, 1)], sorted(notes)
for key, note in notes.items():
    assert note["ids"] == trace[key]["ids"], key
    assert math.isnan(note["loss"]), note
for (step, rank), t in trace.items():
    assert math.isfinite(t["loss"]) == (step not in (5, 6)), t
P
  nothing_left
  # Too many in a row: the run ends, the same command goes on from the last checkpoint.
  rm -rf runs a.jsonl
  undisturbed
  train --set debug.inject=rank=1,step=9,fault=nan,steps=100 --set train.nonfinite_steps=3
  expect "bad updates without end" $? 70
  says 'trainer .rank 1 on .*: 3 updates in a row, up to 11, had a loss or gradients that are NaN or infinite'
  expect "lines on the error output" "$(wc -l <err)" 1
  nothing_left
}
fault_30_stalled_reads() {  # the 300th read never ends: a warning after 10 s, the end after limits.storage
  data; undisturbed
  train --set debug.inject=rank=0,step=300,fault=stall --set limits.storage=12 --set limits.step=5
  expect "storage that stalls" $? 74
  says 'dataservice: WARNING: reading .*data/train/.*[.]jpg has taken 1[0-9] s; the storage stalls'
  says 'dataservice .rank 0 on .*: reading .*data/train/.*[.]jpg has taken [12][0-9] s, longer than limits.storage'
  expect "lines on the error output" "$(wc -l <err)" 2
  goes_on
}
fault_32_two_jobs_one_folder() {
  epochs=100000 data
  background; until_saved 2
  local first=$launcher code=0
  timeout -k 5 60 "$facetrain" train --config tiny.toml >out2 2>err2 </dev/null || code=$?
  expect "a second job" "$code" 78
  grep -qE 'trainer .*: runs/a is in use by process [0-9]+ on .*: wait until it ends, or start this run with another run.prefix' err2 || fail "nobody is named: $(cat err2)"
  kill -0 "$first" 2>/dev/null || fail "the first job did not live on"
  # Killed as a whole, as with its node: the next job takes the folder over.
  kill -9 $(processes | cut -d' ' -f1) 2>/dev/null
  wait "$first" 2>/dev/null
  rm -rf "${TMPDIR:?}"/*   # what Open MPI itself leaves
  background
  for _ in $(seq 600); do grep -q "Going on from $checkpoints/step_" out && break; sleep 0.05; done
  says "Going on from $checkpoints/step_"
  kill -USR1 "$launcher"
  ended "the job that took over" 75 30
}
fault_33_two_jobs_one_node() {
  data; undisturbed
  "$facetrain" train --config tiny.toml --set run.prefix=b --set run.trace=b.jsonl >out2 2>err2 </dev/null &
  local second=$!
  train; expect "the first job" $? 0
  wait $second; expect "the second job" $? 0
  { cmp undisturbed.jsonl a.jsonl && cmp undisturbed.jsonl b.jsonl; } || fail "the jobs disturbed each other"
  nothing_left
}
refused_start() {  # refused_start WHAT CODE PATTERN SECONDS COMMAND...: one line of ours, within the time
  local what=$1 code=$2 pattern=$3 most=$4 begin=$SECONDS got=0
  shift 4
  timeout -k 5 90 "$@" >out 2>err </dev/null || got=$?
  expect "$what" "$got" "$code"
  says "$pattern"
  expect "our lines on the error output" "$(grep -cE '^(facetrain|dataservice|trainer)\b' err)" 1
  [ $((SECONDS - begin)) -le "$most" ] || fail "$what took $((SECONDS - begin)) s, more than $most"
  nothing_left
}
fault_36_wrong_role_counts() {
  data
  local many="mpirun --oversubscribe --bind-to none"
  refused_start "three trainers of two" 78 'launch.trainers is 2 but 3 trainers were started on node 0: start `' 20 $many -np 1 "$bin/dataservice" --config tiny.toml : -np 3 "$bin/trainer" --config tiny.toml
  refused_start "no service" 78 'service' 20 $many -np 2 "$bin/trainer" --config tiny.toml
  refused_start "two services" 78 'service' 20 $many -np 2 "$bin/dataservice" --config tiny.toml : -np 2 "$bin/trainer" --config tiny.toml
}
fault_37_more_ranks_than_gpus() {
  data
  FACETRAIN_TEST_GPUS=2 refused_start "three trainers, two GPUs" 78 '3 trainers per node need as many GPUs, but 2 GPUs are visible' 5 "$facetrain" train --config tiny.toml --set launch.trainers=3
}
fault_38_one_gpu_twice() {
  data
  FACETRAIN_TEST_GPUS=2 refused_start "GPU 0 twice" 78 'launch.gpus.*names a GPU twice; each trainer needs its own' 5 "$facetrain" train --config tiny.toml --set 'launch.gpus=[0,0]'
}
fault_39_bad_picture() {  # 1 of 2,048: listed, another sample takes its place, the run goes on
  data
  for i in $(seq 32); do for f in $(cat train.txt); do ln "$f" "${f%.jpg}_$i.jpg"; done; done
  "$facetrain" list -s data/train -d . -sfn many >/dev/null
  local bad
  bad=$(sed -n 1000p many.txt)
  rm "$bad"; echo "no picture" >"$bad"
  train --set data.train_source=many.txt --set train.epochs=1 --set checkpoint.minutes=0
  expect "one bad picture" $? 0
  grep -rqF "$(basename "$bad")" runs/a/*bad* || fail "no list names $bad: $(ls runs/a)"
  expect "steps" "$(sed -n 's/^{"step": \([0-9]*\), "rank": 0.*/\1/p' a.jsonl | tail -1)" "$(($(wc -l <many.txt) / 16))"
  nothing_left
}
fault_40_many_bad_pictures() {
  data
  for f in $(sed -n '1,40p' train.txt); do rm "$f"; echo "no picture" >"$f"; done
  refused_start "40 bad of 64" 66 'dataservice.*too many bad pictures: [0-9]* .the limit is [0-9]*.; the first: .*bad_images.txt' 30 "$facetrain" train --config tiny.toml
}
fault_41_list_that_changes() {  # the service has read it; the next start finds other data
  data; undisturbed; background; until_saved 6
  sed -i '1s/.*/&x/' train.txt
  kill -USR1 "$launcher"
  ended "USR1 after the list changed" 75 30
  refused 'the data are others: their digest .* was [0-9]*, now it is [0-9]*'
  sed -i '1s/x$//' train.txt
  goes_on
}

case $row in fault_[0-9][0-9]_*) ;; *) echo "FAILED: no such row $row"; exit 1 ;; esac
$row
conclude "$row: as it should be"
