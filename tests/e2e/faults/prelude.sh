# Sourced by faults.sh: the small run that the rows disturb, and what they all ask of its end. facetrain, bin, work and here are set.
pids() { processes | grep "^[0-9]* $1" | cut -d' ' -f1; }
nothing_left() {  # no process, no socket of the job that was seen running, no temporary file ($torn: Open MPI could not tidy up)
  local left=x
  for _ in $(seq 50); do
    left=$(processes; [ ! -e held ] || still_open held)
    [ -z "$left" ] && break
    sleep 0.1
  done
  [ -z "$left" ] || fail "left behind: $left"
  [ -n "${torn:-}" ] || [ -z "$(ls -A "$TMPDIR")" ] || fail "left in TMPDIR: $(ls "$TMPDIR")"
}
expect() { [ "$2" = "$3" ] || fail "$1: expected '$3', got '$2': $(tail -n 5 out err)"; }
only_line() {  # only_line PATTERN: all of the error output
  expect "lines on the error output" "$(wc -l <err)" 1
  grep -qE -- "$1" err || fail "the error output is not /$1/: $(cat err)"
}
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
train() { timeout -k 5 60 "$facetrain" train --config tiny.toml "$@" >out 2>err </dev/null; }
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
until_started() { for _ in $(seq 1200); do [ -n "$(pids "$bin/trainer ")" ] && break; sleep 0.02; done; }   # a trainer at least
until_saved() {  # until_saved N: until there is a checkpoint of N steps or more
  for _ in $(seq 1200); do
    ls $checkpoints 2>/dev/null | sed -n 's/^step_\([0-9]*\)$/\1/p' | awk -v n="$1" '$1 >= n {found = 1} END {exit !found}' && { sockets >held; return; }
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
