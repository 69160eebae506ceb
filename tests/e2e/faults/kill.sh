# A process of the job is killed, or stops for ever.
killed() {  # killed WHAT WHO: kill -9 in the middle; the only line names who it was, where and why
  data; undisturbed; background; until_saved 10
  $1
  ended "$row" 137 15
  expect "the error output" "$(cat err)" "facetrain: $2 on $(uname -n) was killed by signal 9 (Killed)"
  : >runs/a/models/model.pth.tmp.17.0   # as of a kill while a model is written; gone when the run has gone on
  goes_on
}
kill_service() { kill -9 "$(pids "$bin/dataservice ")"; }
kill_trainer() { kill -9 "$(pids "$bin/trainer " | tail -1)"; }
kill_waiting_trainer() {  # one stands still, so that the other waits in an exchange: it does no more updates
  kill -STOP "$(pids "$bin/trainer " | tail -1)"
  sleep 0.5
  local updates
  updates=$(wc -l <a.jsonl)
  sleep 0.3
  expect "updates while one stands still" "$(wc -l <a.jsonl)" "$updates"
  kill -9 "$(pids "$bin/trainer " | head -1)"
}
kill_mpirun() { kill -9 "$(pids "mpirun")"; }
fault_01_kill_service() { killed kill_service "rank 0 (dataservice)"; }
fault_02_kill_trainer() { killed kill_trainer "rank 2 (trainer)"; }
fault_03_kill_trainer_in_exchange() { killed kill_waiting_trainer "rank 1 (trainer)"; }
fault_04_kill_mpirun() { torn=1; killed kill_mpirun mpirun; }

# Updates that take their time, so that two heartbeats of the training come before anything is stopped.
slowly() { background --set limits.silence=6 --set debug.inject=rank=2,step=9,fault=slow,steps=16; until_saved 10; sleep 2.2; }
stopped() {  # stopped WHO PATTERN: kill -STOP, and who notices names it in the only line
  data; undisturbed; slowly
  kill -STOP "$($1)"
  ended "$row" 70 20
  only_line "$2"
  goes_on
}
service_pid() { pids "$bin/dataservice "; }
last_trainer_pid() { pids "$bin/trainer " | tail -1; }
silent="gave no sign of life for [0-9]+ s, last seen"
fault_05_stop_service() {
  stopped service_pid "^trainer .rank 1 on .*: rank 0 .dataservice on $(uname -n). $silent serving after [1-9][0-9]* batches: stopped, frozen or cut off"
}
fault_06_stop_trainer() {
  stopped last_trainer_pid "^dataservice .rank 0 on .*: rank 2 .trainer on $(uname -n). $silent [a-z ]* after update [1-9][0-9]*: stopped, frozen or cut off"
  # The whole job stopped for longer than the limit, as a suspended machine is: nobody is named, it goes on to its end.
  rm -rf runs/a
  slowly
  local all
  all="$launcher $(processes | cut -d' ' -f1)"
  kill -STOP $all
  for _ in $(seq 100); do grep -q '^State:.T' "/proc/$launcher/status" && break; sleep 0.02; done   # it takes a moment
  grep -q '^State:.T' "/proc/$launcher/status" || fail "it had ended before it was stopped"
  sleep 9
  kill -CONT $all
  ended "stopped as a whole" 0 60
  [ ! -s err ] || fail "the error output says: $(cat err)"
  cmp undisturbed.jsonl a.jsonl || fail "the run that was stopped as a whole took other steps"
  # At the start, before anybody watches.
  rm -rf runs/a
  FACETRAIN_TEST_START=5 background
  until_started
  kill -STOP "$(last_trainer_pid)"
  ended "stopped at the start" 70 30
  says "^dataservice .rank 0 on $(uname -n).: the job's processes have not come together within [5-9] s: one is stopped, frozen or cut off the network; the job ends here"
  # Open MPI may add words of its own about an MPI_Init that is torn apart.
  expect "our lines on the error output" "$(grep -cE '^(facetrain|dataservice|trainer)\b' err)" 1
  rm -rf "${TMPDIR:?}"/*   # Open MPI could not tidy up
}
