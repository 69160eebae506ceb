#!/usr/bin/env bash
# facetrain as the parent of mpirun: exit codes, signals, one line for each end, nothing left behind. First with a stand-in for
# mpirun that shows what it gets, then with Open MPI's and stand-ins for the two programs.
set -u
bin=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

fail() { echo "FAILED: $*"; failures=$((failures + 1)); }
expect() { [ "$2" = "$3" ] || fail "$1: expected '$3', got '$2'"; }
expect_in() { grep -qF -- "$2" "$3" || fail "$1: no '$2' in: $(cat "$3")"; }
expect_lines() { [ "$(wc -l <"$2")" = "$3" ] || fail "$1: expected $3 line(s): $(cat "$2")"; }
wait_for() {  # wait_for FILE: until it is there, 10 s at most
  for _ in $(seq 200); do [ -s "$1" ] && return; sleep 0.05; done
  fail "no $1"
}
gone() {  # gone WHAT PID: the process has ended, within 10 s
  for _ in $(seq 200); do kill -0 "$2" 2>/dev/null || return; sleep 0.05; done
  fail "$1: process $2 is still there"
  kill -KILL "$2"
}

# A bin folder whose dataservice and trainer are the scripts that a test writes.
mkdir -p "$work/bin" "$work/fake"
cp "$bin/facetrain" "$work/bin/"
f=$work/bin/facetrain
program() { printf '#!/bin/bash\n%s\n' "$2" >"$work/$1"; chmod +x "$work/$1"; }
program bin/dataservice 'exit 0'
program bin/trainer 'exit 0'
echo /x/1.jpg >"$work/list.txt"
printf '[data]\ntrain_source = "%s/list.txt"\n[launch]\ntrainers = 2\n' "$work" >"$work/c.toml"
cd "$work" || exit 1

# ---- what is wrong is said before anything starts
program fake/mpirun "echo \"\$@\" >$work/args; exit 42"
real_path=$PATH
PATH=$work/fake:$real_path

printf '[train]\nlr = "x"\nepoch = 1\n' >bad.toml
$f train --config bad.toml >out 2>err; expect "bad configuration" $? 78
expect_in "bad configuration" 'facetrain: bad.toml:2:6: train.lr: expected number, not the text "x"' err
expect_in "bad configuration" 'facetrain: bad.toml:3:1: unknown key `epoch` in [train]; did you mean `epochs`?' err
expect_lines "bad configuration" err 2
$f train --config none.toml >out 2>err; expect "no configuration" $? 78; expect_lines "no configuration" err 1
$f train --config c.toml --set data.train_source=none.txt >out 2>err; expect "no list" $? 66; expect_lines "no list" err 1
expect_in "no list" 'cannot read the training list none.txt: No such file or directory' err
: >empty.txt
$f train --config c.toml --set data.train_source=empty.txt >out 2>err; expect "empty list" $? 66
expect_in "empty list" 'facetrain: the training list empty.txt is empty' err
mkdir empty
$f train --config c.toml --set data.train_source=empty >out 2>err; expect "empty folder" $? 66
expect_in "empty folder" 'facetrain: the training folder empty is empty' err
PATH=/nowhere $f train --config c.toml >out 2>err; expect "no mpirun" $? 78
expect_in "no mpirun" 'apt-get install openmpi-bin' err
$f trian >out 2>err; expect "unknown command" $? 78; expect_in "unknown command" 'did you mean `train`?' err
$f rank --config c.toml >out 2>err; expect "rank by hand" $? 78
$f submit >out 2>err; expect "program not built" $? 78; expect_in "program not built" 'facetrain-model' err
[ -e args ] && fail "mpirun was started in spite of an error"
$f train --config c.toml --dry-run >out 2>err; expect "dry run" $? 0
expect_in "dry run" '# rank 2  node 0  trainer 1' out
[ -e args ] && fail "mpirun was started by --dry-run"

# ---- the line, and mpirun's exit code
$f train --config c.toml --set "run.prefix=a b" >out 2>err; expect "exit code" $? 42
expect_in "line" "-np 1 $work/bin/dataservice --config c.toml --set 'run.prefix=a b' : -np 2 $work/bin/trainer" out
expect_in "line" '+ mpirun --bind-to none' out
expect_in "silent failure" 'facetrain: the job ended with exit code 42' err
expect "arguments" "$(sed 's/--oversubscribe //; s/--allow-run-as-root //' args)" \
  "--bind-to none -np 1 $work/bin/dataservice --config c.toml --set run.prefix=a b : -np 2 $work/bin/trainer --config c.toml --set run.prefix=a b"
program fake/mpirun 'kill -SEGV $$'
$f train --config c.toml >out 2>err; expect "mpirun killed" $? 139

# ---- signals
program fake/mpirun "trap 'echo term >>$work/got; exit 1' TERM; trap 'echo usr1 >>$work/got' USR1
  echo \"\$\$ \$(ps -o pgid= -p \$\$)\" >$work/pid; while true; do sleep 0.05; done"
for signal in INT:130 TERM:143 HUP:129; do
  rm -f pid got
  $f train --config c.toml >out 2>err & launcher=$!
  wait_for pid; read -r pid group <pid
  expect "mpirun's process group" "$group" "$pid"
  kill -${signal%:*} $launcher; wait_for got; expect "what mpirun got of the first" "$(cat got)" usr1
  kill -${signal%:*} $launcher; wait $launcher; expect "${signal%:*}" $? "${signal#*:}"
  expect "what mpirun got" "$(tr '\n' ' ' <got)" 'usr1 term '
  gone "mpirun" "$pid"
done
rm -f pid got
$f train --config c.toml >out 2>err & launcher=$!
wait_for pid; read -r pid group <pid
kill -USR1 $launcher; wait_for got; expect "USR1" "$(cat got)" usr1
kill -KILL $launcher; wait $launcher 2>/dev/null  # its death takes mpirun along
gone "mpirun of a killed launcher" "$pid"
# An mpirun that does not listen, with a child in another session.
program fake/mpirun "trap '' TERM USR1; setsid sleep 300 & echo \"\$\$ \$!\" >$work/pid; while true; do sleep 0.05; done"
rm -f pid
$f train --config c.toml >out 2>err & launcher=$!
wait_for pid; read -r pid orphan <pid
kill -INT $launcher; sleep 0.3
kill -0 $launcher 2>/dev/null || fail "the launcher did not wait for mpirun"
kill -INT $launcher; sleep 0.3
kill -0 $launcher 2>/dev/null || fail "the launcher did not wait for mpirun after the second Ctrl-C"
kill -INT $launcher; gone "launcher" $launcher; wait $launcher; expect "third Ctrl-C" $? 130
gone "deaf mpirun" "$pid"; gone "its orphan" "$orphan"

# ---- a signal that comes before there is a job: the launcher waits for its configuration, from a pipe that nobody has written to
mkfifo late.toml
for signal in USR1 TERM; do
  rm -f args
  program fake/mpirun "echo started >$work/args"
  timeout -k 5 20 $f train --config late.toml >out 2>err & launcher=$!
  exec 8>late.toml   # returns once it is being read
  kill -$signal "$(pgrep -P $launcher)"
  cat c.toml >&8; exec 8>&-
  wait $launcher; expect "early $signal" $? 75
  expect "early $signal" "$(cat err)" "facetrain: SIG$signal came before the job had begun"
  [ -e args ] && fail "early $signal: mpirun was started"
done
# `facetrain rank` hands on that the signals are held back to the program that it becomes, under srun TERM too.
program bin/trainer 'sed -n "s/^SigBlk:[^0-9a-f]*//p" /proc/self/status'
expect "held back by mpirun's rank" $((16#$(OMPI_COMM_WORLD_LOCAL_RANK=1 $f rank) & 0x4200)) $((0x200))
expect "held back by srun's rank" $((16#$(SLURM_STEP_ID=0 SLURM_LOCALID=1 $f rank) & 0x4200)) $((0x4200))

# ---- Open MPI itself
PATH=$real_path
if ! command -v mpirun >/dev/null; then fail "mpirun is not installed"; exit 1; fi
# All are up before one dies, as in a job that has passed MPI_Init.
all_up="touch $work/up.\$OMPI_COMM_WORLD_RANK; while [ ! -e $work/up.0 -o ! -e $work/up.1 -o ! -e $work/up.2 ]; do sleep 0.05; done"
program bin/trainer "$all_up; exec sleep 300"
program bin/dataservice "$all_up; sleep 0.2; kill -KILL \$\$"
timeout 60 $f train --config c.toml >out 2>err; expect "killed service" $? 137
expect "killed service" "$(sed 's/ on [^ ]* / on HOST /' err)" 'facetrain: rank 0 (dataservice) on HOST was killed by signal 9 (Killed)'
program bin/dataservice "$all_up; exec sleep 300"
rm up.*
program bin/trainer "$all_up; sleep 0.2; [ \$OMPI_COMM_WORLD_RANK = 2 ] && { echo 'trainer: the reason' >&2; exit 74; }; exec sleep 300"
timeout 60 $f train --config c.toml >out 2>err; expect "trainer's error" $? 74
expect "trainer's error" "$(cat err)" 'trainer: the reason'
# The processes of a job that writes no checkpoint when it is asked to; then of one that does; then of one that has only just started.
program bin/dataservice "trap '' USR1; exec sleep 300"
program bin/trainer "trap '' USR1; echo \$\$ >$work/trainer.\$OMPI_COMM_WORLD_RANK; exec sleep 300"
timeout 60 $f train --config c.toml >out 2>err & launcher=$!
wait_for trainer.1; wait_for trainer.2
kill -INT "$(pgrep -P $launcher)"; sleep 1; kill -0 "$(cat trainer.1)" || fail "the first Ctrl-C stopped the job"
kill -INT "$(pgrep -P $launcher)"; wait $launcher; expect "Ctrl-C" $? 130
gone "trainer" "$(cat trainer.1)"; gone "trainer" "$(cat trainer.2)"
expect "Ctrl-C" "$(cat err)" 'facetrain: Ctrl-C: the job finishes its step and writes a checkpoint (once more: stop it at once)
facetrain: Ctrl-C: stopping the job (once more: kill it)'
rm trainer.*
program bin/trainer "trap 'exit 75' USR1; echo x >$work/trainer.\$OMPI_COMM_WORLD_RANK; while true; do sleep 0.05; done"
timeout 60 $f train --config c.toml >out 2>err & launcher=$!
wait_for trainer.1; wait_for trainer.2
kill -TERM "$(pgrep -P $launcher)"; wait $launcher; expect "checkpointed" $? 75
expect_in "checkpointed" 'facetrain: SIGTERM: the job finishes its step and writes a checkpoint (once more: stop it at once)' err
rm trainer.*
program bin/trainer "echo x >$work/trainer.\$OMPI_COMM_WORLD_RANK; exec sleep 300"
timeout 60 $f train --config c.toml >out 2>err & launcher=$!
wait_for trainer.1; wait_for trainer.2
kill -USR1 "$(pgrep -P $launcher)"; wait $launcher; expect "killed by USR1" $? 75
program bin/trainer 'echo "trainer $OMPI_COMM_WORLD_RANK $*"'
program bin/dataservice 'echo "dataservice $OMPI_COMM_WORLD_RANK $*"'
timeout 60 $f train --config c.toml --set run.seed=7 >out 2>err; expect "one node" $? 0
expect "one node" "$(grep -v '^+' out | sort)" "dataservice 0 --config c.toml --set run.seed=7
trainer 1 --config c.toml --set run.seed=7
trainer 2 --config c.toml --set run.seed=7"
echo "localhost slots=3" >hosts
timeout 60 $f train --config c.toml --hostfile hosts >out 2>err; expect "facetrain rank" $? 0
expect "facetrain rank" "$(grep -v '^+' out | sort)" "dataservice 0 --config c.toml
trainer 1 --config c.toml
trainer 2 --config c.toml"
# The printed line works when typed by hand.
sed -n 's/^+ //p' out >line.sh
expect "typed by hand" "$(timeout 60 bash line.sh 2>/dev/null | sort | head -1)" "dataservice 0 --config c.toml"

[ $failures = 0 ] && echo "all launch checks passed"
exit $((failures > 0))
