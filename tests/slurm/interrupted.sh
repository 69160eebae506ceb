#!/usr/bin/env bash
# Jobs of the shipped script, with the real programs, that are interrupted in the ways that Slurm and its machines know. Each ends in bounded
# time and leaves nothing on the nodes; it goes on by itself where Slurm or the script puts it back into the queue, with the same sbatch where
# not; and in the end it has the trace of a job that nobody disturbed, byte for byte.
. "$(dirname "$0")/cluster.sh"

submit() {  # submit NAME LAUNCHER SBATCH'S OPTIONS... -- FACETRAIN'S OPTIONS...: $job
  local name=$1 launcher=$2 of_sbatch=()
  shift 2
  while [ "$1" != -- ]; do of_sbatch+=("$1"); shift; done
  shift
  [ -e "$name.toml" ] || cp small.toml "$name.toml"
  job=$(FACETRAIN_BIN=$bin FACETRAIN_LOGS=$work/$name.logs FACETRAIN_LAUNCHER=$launcher sbatch --parsable --nodes=2 --ntasks-per-node=3 \
    --output="$work/$name.log" "${of_sbatch[@]}" "$project/deploy/slurm/train.sbatch" --config "$name.toml" \
    --set run.prefix="$name" --trace "$work/$name.jsonl" --set launch.trainers=2 --set train.batch_size=2 --set train.epochs=15 \
    --set checkpoint.minutes=0.0001 "$@") || die "sbatch"
}
updates() { echo $(($(cat "$work/$1.jsonl" 2>/dev/null | wc -l) / 4)); }
under_way() {  # under_way NAME UPDATES: so many are done
  for _ in $(seq 1200); do [ "$(updates "$1")" -ge "$2" ] && return; sleep 0.05; done
  scancel "$job"
  die "$1 did not come to update $2: $(tail -n 5 "$work/$1.log")"
}
back() {  # back NAME TIMES: the job runs again, for the TIMES'th time
  wait_for_line "requeued $2 times" "$work/$1.log" 90 && return
  scancel "$job"
  die "$1: $(scontrol show job "$job"; tail -n 20 "$work/$1.log")"
}
expect_end() {  # expect_end NAME STATES SECONDS: the job is over within that time, and nothing of it is left
  local state since=$SECONDS
  state=$(wait_for_job "$job" "$3")
  echo "$1: $state after $((SECONDS - since)) s, $(updates "$1") updates"
  [[ " $2 " == *" $state "* ]] || fail "$1: state $state after $((SECONDS - since)) s, expected one of: $2; $(tail -n 5 "$work/$1.log")"
  [ "$state" = RUNNING ] && scancel "$job"
  [ -n "$(squeue -h)" ] || expect_clean "$1" 10
}
expect_undisturbed() {  # expect_undisturbed NAME: to the end, with the undisturbed job's trace
  expect_end "$1" COMPLETED 120
  cmp undisturbed.jsonl "$1.jsonl" || fail "$1: other steps than the undisturbed job's"
}
of_each() {  # of_each FILE PATTERN: the lines of /proc/PID/FILE of all trainers and services that fit, each with its number
  local p
  for p in $(pgrep -x 'trainer|dataservice'); do tr '\0' '\n' <"/proc/$p/$1" | grep "$2"; done | sort | uniq -c | sed 's/^ *//; s/\t/ /'
}
restarts() { scontrol show job "$1" | sed -n 's/.*Restarts=\([0-9]*\).*/\1/p'; }
processes() { for node in n1 n2; do pids $node dataservice; pids $node trainer; done; }

submit undisturbed srun -- 
expect_end undisturbed COMPLETED 120
expect "undisturbed: updates" "$(updates undisturbed)" 120

# ---- Into the queue and back. The time limit, under both launchers: Slurm looks every 30 s, so that the jobs stand still until it has.
# (Later updates take their time, so that neither job is over before the other one has come as far.)
both=(--set limits.silence=10 --set debug.inject=rank=1,step=65,fault=slow,steps=45)
submit mpirun mpirun --time=60 --signal=B:USR1@65 -- "${both[@]}"
mpirun_job=$job
submit srun srun --time=60 --signal=USR1@65 -- "${both[@]}"
under_way mpirun 10
under_way srun 10
kill -STOP $(processes)
echo 'spoilt, since a requeued job goes on from its own copy' >srun.toml
for limited in $job $mpirun_job; do   # so that at least half a minute is left
  since=$(date -d "$(scontrol show job $limited | sed -n 's/.*StartTime=\([^ ]*\).*/\1/p')" +%s)
  scontrol update JobId=$limited TimeLimit=$((($(date +%s) - since + 35) / 60 + 1)) || die "TimeLimit"
done
wait_for_line 'SIGUSR1 to the job' mpirun.log 70   # (Slurm wakes the processes of the srun job itself)
kill -CONT $(processes) 2>/dev/null   # some may just have ended
for limited in $job $mpirun_job; do
  for _ in $(seq 300); do [ "$(restarts $limited)" = 1 ] && break; sleep 0.1; done
  expect "times that the time limit put job $limited back into the queue" "$(restarts $limited)" 1
  scontrol update JobId=$limited TimeLimit=60 || die "job $limited is not there any more"
done
each() {  # each COMMAND ARGUMENT: for both jobs, as COMMAND NAME ARGUMENT
  job=$srun_job; $1 srun "$2"
  job=$mpirun_job; $1 mpirun "$2"
}
srun_job=$job
each back 1
each under_way 30
scontrol suspend "$srun_job,$mpirun_job" || fail "suspend"
sleep 2
before="$(updates srun) $(updates mpirun)"
sleep 12   # longer than limits.silence
expect "updates while suspended" "$(updates srun) $(updates mpirun)" "$before"
scontrol resume "$srun_job,$mpirun_job" || fail "resume"
each under_way 50
scancel --signal=USR1 "$srun_job"
scancel --batch --signal=USR1 "$mpirun_job"
each back 2
each under_way 70
on n1 touch /dev/shm/vader_segment.n1.0.dead0001.1   # as ranks leave it now and then that die with mpirun's daemons
urgent=$(sbatch --parsable --partition=urgent --nodes=2 --exclusive --output=/dev/null --wrap 'sleep 1') || die "sbatch"
each back 3
expect "the urgent job" "$(wait_for_job "$urgent" 20)" COMPLETED
each under_way 90
scontrol requeue "$srun_job"
scontrol requeue "$mpirun_job"
each back 4
each expect_undisturbed ""
for name in srun mpirun; do expect_in $name "Going on from .*step_" "$work/runs/$name/training.log"; done
# What Slurm ends by TERM goes on from a checkpoint at once under srun, from the last one under mpirun.
for name in srun mpirun; do ends+=("$(grep -c 'Stopped as asked' "runs/$name/training.log") $(grep -c 'preempted, to go on' $name.log)"); done
expect "times that a checkpoint was written for the end, and that the job was preempted without" "${ends[*]}" "4 0 2 1"

# ---- To an end, and on by the same sbatch.
for launcher in srun mpirun; do
  name=ended-$launcher
  submit $name $launcher --no-requeue --gpus-per-node=2 --
  under_way $name 15
  expect "$name: the GPUs that each process sees" "$(of_each environ ^CUDA_VISIBLE)" "6 CUDA_VISIBLE_DEVICES=0,1"
  expect "$name: the processors that each process may use" "$(of_each status ^Cpus_allowed_list)" \
    "6 $(grep ^Cpus_allowed_list "/proc/$(daemon_of n1)/status" | tr '\t' ' ')"
  kill -KILL $(pids n2 trainer) $(pids n2 dataservice)
  # Before KillWait (30 s), though srun's first signal to the others, TERM, asks them for a checkpoint.
  expect_end $name FAILED 25
  submit $name $launcher --no-requeue --gpus-per-node=2 --
  under_way $name 40
  scancel "$job"
  expect_end $name CANCELLED 30
  if [ $launcher = srun ]; then   # Slurm's TERM leaves time for a checkpoint
    expect_in $name "Stopped as asked after step $(updates $name);" "$work/runs/$name/training.log"
    [ -e "runs/$name/checkpoints/step_$(updates $name)" ] || fail "$name: no checkpoint of step $(updates $name): $(ls runs/$name/checkpoints)"
  fi
  submit $name $launcher --no-requeue --gpus-per-node=2 -- --set limits.silence=5
  # The processes of n1 miss the heartbeats of n2's and end the job; those of n2, which nobody can reach, miss rank 0's.
  under_way $name 65
  cut n2
  since=$SECONDS
  wait_for_line 'gave no sign of life' "$work/$name.log" 20
  expect_in "cut off: who" 'dataservice .rank 0 on n1.: rank [345] .[a-z]* on n2.( and [12] more process(es)?)? gave no sign of life for [0-9]+ s' "$work/$name.log"
  while [ -n "$(pids n2 trainer; pids n2 dataservice)" ] && [ $((SECONDS - since)) -lt 25 ]; do sleep 0.2; done
  expect "cut off: still on n2" "$(pids n2 trainer; pids n2 dataservice)" ""
  state=$(wait_for_job "$job" 60)
  [[ $state == FAILED || $state == NODE_FAIL ]] || fail "cut off: state $state"
  expect "cut off: still on n1" "$(pids n1 trainer; pids n1 dataservice)" ""
  join n2
  expect_clean "cut off" 120   # slurmstepd of n2 first tries for a while to tell the srun that is gone
  submit $name $launcher --no-requeue --gpus-per-node=2 --
  expect_undisturbed $name
done
submit ended-srun srun --no-requeue --gpus-per-node=2 --
expect_undisturbed ended-srun
expect_in "finished" 'is finished: 15 epochs, 120 steps' runs/ended-srun/training.log
finish
