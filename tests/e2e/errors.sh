#!/usr/bin/env bash
# Each mistake and each death ends non-zero, at once, with one line that names the cause, and leaves no process, no socket and no
# temporary file. FACETRAIN_TEST_GPUS (common/launch/machine.hpp) stands in for the GPUs of a machine that has none.
#   errors.sh BIN_FOLDER [CASE]
set -u
bin=$(cd "$1" && pwd)
only=${2:-}
small=$(cd "$(dirname "$0")" && pwd)/small_run.toml
. "$(dirname "$small")/../workplace.sh"
export TMPDIR=$work/tmp   # Open MPI's session folders go here too
mkdir "$TMPDIR"

ours() { grep -cE '^(facetrain|facetrain-data|facetrain-model|dataservice|trainer)\b' "$work/err"; }

# After a case: $1 name, $2 exit code, $3 seconds, then the expected code (or "nonzero"), the pattern of the line, most seconds.
judge() {
  local name=$1 code=$2 took=$3 want=$4 pattern=$5 most=$6 wrong=()
  if [ "$want" = nonzero ]; then [ "$code" != 0 ] || wrong+=("it ended with 0"); else
    [ "$code" = "$want" ] || wrong+=("exit code $code, not $want"); fi
  [ "$took" -le "$most" ] || wrong+=("took $took s, more than $most")
  grep -qiE -- "$pattern" err || wrong+=("no line matches /$pattern/")
  [ "$(ours)" = 1 ] || wrong+=("$(ours) lines of ours, not 1")
  [ "${by_hand:-}" = 1 ] || [ "$(wc -l <err)" = 1 ] || wrong+=("$(wc -l <err) lines on the error output, not 1")
  for _ in $(seq 20); do
    if [ -z "$(processes)" ] && [ -z "$(still_open held)" ]; then break; fi
    sleep 0.1
  done
  [ -z "$(processes)" ] || wrong+=("processes left: $(processes)")
  [ -z "$(still_open held)" ] || wrong+=("sockets left: $(still_open held)")
  [ -z "$(ls -A "$TMPDIR")" ] || wrong+=("files left in TMPDIR: $(ls "$TMPDIR")")
  if [ ${#wrong[@]} = 0 ]; then
    echo "ok   $name ($code, $took s): $(grep -iE -m1 -- "$pattern" err)"
  else
    failures=$((failures + 1))
    echo "FAIL $name"
    printf '       %s\n' "${wrong[@]}"
    sed 's/^/       | /' err
    sed 's/^/       out| /' out | tail -5
  fi
  rm -rf "${TMPDIR:?}"/*
}
wanted() { [ -z "$only" ] || [ "$only" = "$1" ]; }

expect() {  # expect NAME CODE PATTERN SECONDS COMMAND...
  local name=$1 want=$2 pattern=$3 most=$4 begin=$SECONDS code=0
  shift 4
  wanted "$name" || return 0
  : >held   # it ends before anyone could look: a socket is there as long as a process is
  timeout -k 5 90 "$@" >out 2>err </dev/null || code=$?
  judge "$name" "$code" $((SECONDS - begin)) "$want" "$pattern" "$most"
}

expect_when_running() {  # expect_when_running NAME CODE PATTERN SECONDS ACTION: trains without end, acts after the first log lines
  local name=$1 want=$2 pattern=$3 most=$4 action=$5 code=0 begin
  wanted "$name" || return 0
  rm -rf runs
  set -m   # so that the job gets SIGINT's usual meaning
  "$bin/facetrain" train --config tiny.toml --set train.epochs=100000 >out 2>err </dev/null &
  local launcher=$!
  set +m
  for _ in $(seq 300); do
    if grep -qi loss runs/errors/training.log 2>/dev/null || ! kill -0 $launcher 2>/dev/null; then break; fi
    sleep 0.1
  done
  grep -qi loss runs/errors/training.log 2>/dev/null ||
    { echo "FAIL $name: no loss was logged: $(head -1 err)"; failures=$((failures + 1)); }
  sockets >held
  [ -s held ] || { echo "FAIL $name: the running job has no socket"; failures=$((failures + 1)); }
  begin=$SECONDS
  $action $launcher
  for _ in $(seq 600); do kill -0 $launcher 2>/dev/null || break; sleep 0.1; done   # 60 s at most
  kill -9 $launcher 2>/dev/null
  wait $launcher 2>/dev/null || code=$?
  judge "$name" "$code" $((SECONDS - begin)) "$want" "$pattern" "$most"
}
kill_service() { kill -9 "$(processes | grep -m1 "^[0-9]* $bin/dataservice " | cut -d' ' -f1)"; }
kill_trainer() { kill -9 "$(processes | grep "^[0-9]* $bin/trainer " | tail -1 | cut -d' ' -f1)"; }
interrupt() { kill -INT "$1"; }

"$bin/facetrain" synth --ids 8 --per-id 8 --out data >/dev/null && "$bin/facetrain" list -s data/train -d "$work" -sfn train >/dev/null ||
  { echo "FAIL: no data set to test with"; exit 1; }
cat >tiny.toml <<END
base = "$small"
[run]
prefix = "errors"
work_path = "$work/runs"
[data]
train_source = "$work/train.txt"
END
train=("$bin/facetrain" train --config "$work/tiny.toml")

expect missing-list 66 'nowhere\.txt' 5 "${train[@]}" --set "data.train_source=$work/nowhere.txt"
: >empty.txt
expect empty-list 66 'empty\.txt is empty' 5 "${train[@]}" --set "data.train_source=$work/empty.txt"
expect missing-config 78 'nothing\.toml' 5 "$bin/facetrain" train --config "$work/nothing.toml"
expect wrong-key 78 'train\.lrr=1: unknown key .lrr. in \[train\]; did you mean .lr.' 5 "${train[@]}" --set train.lrr=1
sed 's/^batch_size/batchsize/' "$small" >wrong.toml
expect wrong-key-in-file 78 'wrong\.toml:11:1.*batchsize.*batch_size' 5 "$bin/facetrain" train --config "$work/wrong.toml"
expect missing-folder 66 'nowhere' 5 "$bin/facetrain" list -s "$work/nowhere" -d "$work"
ln -s loop loop   # unreadable for root too
expect unreadable-folder 66 'loop.*symbolic links' 5 "$bin/facetrain" list -s "$work/loop" -d "$work"
mkdir -p closed/a && chmod 0 closed/a && chmod 755 "$work"
if [ "$(id -u)" != 0 ]; then
  expect closed-folder 66 'closed/a.*Permission denied' 5 "$bin/facetrain" list -s "$work/closed" -d "$work"
elif setpriv --reuid 65534 --clear-groups test -x "$bin/facetrain-data"; then
  expect closed-folder 66 'closed/a.*Permission denied' 5 setpriv --reuid 65534 --clear-groups "$bin/facetrain-data" list -s "$work/closed" -d /tmp
else   # a build below a folder that only root may enter
  echo "       closed-folder: not run, no other user can start $bin/facetrain-data"
fi
: >runs.file
expect unwritable-runs nonzero 'runs\.file' 30 "${train[@]}" --set "run.work_path=$work/runs.file"

mkdir -p bad/a && for i in $(seq 40); do echo "no picture" >bad/a/$i.jpg; done
{ cat train.txt; ls -d "$work"/bad/a/*.jpg; } >bad.txt
expect bad-pictures 66 'bad/a/' 30 "${train[@]}" --set "data.train_source=$work/bad.txt"
awk '{for (i = 0; i < 3200; i++) print}' train.txt >many.txt   # 204,800 entries: one batch of 100,000 for each of two trainers
expect memory 78 'too little memory.*MemAvailable is .*cgroup leaves' 60 "${train[@]}" --set "data.train_source=$work/many.txt" --set train.batch_size=100000 --set data.slots=64

export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
by_hand=1   # mpirun's own banner comes too
expect wrong-trainers 78 'trainers.*-np 2|-np 2 ' 20 mpirun --oversubscribe --bind-to none -np 1 "$bin/dataservice" --config "$work/tiny.toml" : -np 3 "$bin/trainer" --config "$work/tiny.toml"
two_gpus=(env FACETRAIN_TEST_GPUS=2)
expect gpus-by-hand 78 'trainer.*3 trainers on this node but 2 GPUs visible' 20 "${two_gpus[@]}" mpirun --oversubscribe --bind-to none -np 1 "$bin/dataservice" --config "$work/tiny.toml" --set launch.trainers=0 : -np 3 "$bin/trainer" --config "$work/tiny.toml" --set launch.trainers=0
expect gpu-not-there-by-hand 78 'trainer.*launch.gpus names GPU 2 but only 2 GPUs are visible' 20 "${two_gpus[@]}" mpirun --oversubscribe --bind-to none -np 1 "$bin/dataservice" --config "$work/tiny.toml" --set 'launch.gpus=[1,2]' : -np 2 "$bin/trainer" --config "$work/tiny.toml" --set 'launch.gpus=[1,2]'
by_hand=
expect gpu-not-there 78 'launch\.gpus names GPU 2, but 2 GPUs are visible' 5 "${two_gpus[@]}" "${train[@]}" --gpus 0,1,2
expect more-than-gpus 78 '3 trainers per node need as many GPUs, but 2 GPUs are visible' 5 "${two_gpus[@]}" "${train[@]}" --set launch.trainers=3

expect_when_running killed-service nonzero 'dataservice.*killed by signal 9|service.*(died|ended|closed)' 15 kill_service
expect_when_running killed-trainer nonzero 'trainer.*killed by signal 9|trainer.*(died|ended|closed)' 15 kill_trainer
expect_when_running ctrl-c 75 'Ctrl-C: the job finishes its step' 15 interrupt

if ls /dev/shm/*facetrain* >/dev/null 2>&1; then echo "FAIL files left in /dev/shm"; failures=$((failures + 1)); fi
echo "$failures cases failed"
[ $failures = 0 ]
