# A real Slurm cluster of two nodes on one machine, for the rows beside this file: to be sourced first, with the row's own
# arguments (BIN_FOLDER). The row starts over inside name spaces of its own (network, processes, mounts, host names), where
# slurmctld and two slurmd run; when it ends, everything in them ends too. Where that is not permitted, or Slurm is missing,
# the row prints "SKIPPED: reason". Nodes n1 and n2 have their own network interface, host name, /tmp and /dev/shm: shared
# memory and Open MPI's transport over it stop at a node's edge. Files that a job needs lie in $work, outside /tmp.
#
#   on NODE COMMAND...   runs a command on n1 or n2        pids NODE PROGRAM   processes of a program there
#   cut NODE / join NODE takes a node off the network, and back
#   fail TEXT, expect WHAT GOT WANTED, expect_in WHAT TEXT FILE, finish
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
project=$(cd "$here/../.." && pwd)

if [ -z "${FACETRAIN_CLUSTER:-}" ]; then
  skip() { echo "SKIPPED: $*"; exit 0; }
  bin=$(cd "$1" && pwd)
  for program in slurmctld slurmd srun sbatch munged ip unshare nsenter mpirun pgrep ps; do
    PATH=$PATH:/usr/sbin:/sbin command -v $program >/dev/null || skip "no $program (./deploy/setup.sh --ci installs Slurm)"
  done
  [ "$(id -u)" = 0 ] || skip "a cluster in name spaces needs root"
  spaces=(unshare --mount --net --uts --ipc --pid --fork --kill-child=KILL --mount-proc)
  why=$("${spaces[@]}" sh -c 'ip link add type veth && ip link add br0 type bridge && mount -t tmpfs tmpfs /dev/shm && mount -t tmpfs tmpfs /run' 2>&1) ||
    skip "name spaces are not permitted here: ${why:0:200}"
  [ -d /sys/fs/cgroup/freezer ] || [ -e /sys/fs/cgroup/cgroup.controllers ] || skip "slurmd wants the control groups of /sys"
  work=$(mktemp -d /var/tmp/facetrain-slurm.XXXXXX)
  trap 'rm -rf "$work"' EXIT
  code=0
  # Whatever ends this shell, a time-out too, ends the cluster.
  FACETRAIN_CLUSTER=$work setpriv --pdeathsig KILL "${spaces[@]}" bash "$0" "$bin" "${@:2}" || code=$?
  if [ $code != 0 ] && [ -d "$work/log" ]; then
    for log in "$work"/log/*; do echo "--- ${log##*/}, its last lines"; tail -n 15 "$log"; done
  fi
  exit $code
fi

# ---- from here on: inside
bin=$1
work=$FACETRAIN_CLUSTER
failures=0
export PATH=$PATH:/usr/sbin:/sbin
export SLURM_CONF=$work/slurm.conf OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 HWLOC_HIDE_ERRORS=2
export OMPI_MCA_mpi_yield_when_idle=1 OMP_NUM_THREADS=1
# What a Slurm job around this one has left behind would be taken for ours.
unset "${!SLURM_@}" "${!PMIX_@}" 2>/dev/null
export SLURM_CONF=$work/slurm.conf

fail() { echo "FAILED: $*"; failures=$((failures + 1)); }
expect() { [ "$2" = "$3" ] || fail "$1: expected '$3', got '$2'"; }
expect_in() { grep -qE -- "$2" "$3" || fail "$1: no /$2/ in: $(tail -n 40 "$3")"; }
finish() { [ $failures = 0 ] && echo "all checks passed"; exit $((failures > 0)); }
die() { echo "FAILED: $*"; exit 1; }

daemon_of() { pgrep -f "slurmd -N $1\$" | head -n 1; }
on() { local node=$1; shift; nsenter --target "$(daemon_of "$node")" --net --mount --uts -- "$@"; }
cut() { ip -n "$1" link set eth0 down; }
join() { ip -n "$1" link set eth0 up; }
pids() {  # pids NODE PROGRAM: of that node's network
  local there p
  there=$(readlink "/proc/$(daemon_of "$1")/ns/net")
  for p in $(pgrep -x "$2"); do [ "$(readlink "/proc/$p/ns/net")" != "$there" ] || echo "$p"; done
}

# Nothing of ours may be left on a node: no process, no listening socket, no file in /dev/shm.
left_over() {
  local node p
  ps -e -o pid=,comm= | grep -E ' (dataservice|trainer|facetrain|mpirun|orted|slurmstepd)$'
  for node in n1 n2; do
    p=$(daemon_of $node)
    sed -n "s/.*\(@facetrain.*\)/$node: socket \1/p" "/proc/$p/net/unix"
    find "/proc/$p/root/dev/shm" -mindepth 1 -printf "$node: /dev/shm/%P\n"
  done
}
expect_clean() {  # expect_clean WHAT SECONDS
  local left
  for _ in $(seq $(($2 * 5))); do left=$(left_over); [ -n "$left" ] || return 0; sleep 0.2; done
  fail "$1: left after $2 s: $left"
}

# The state of a job once it has ended, or "RUNNING" after SECONDS.
wait_for_job() {  # wait_for_job JOB SECONDS
  local state
  for _ in $(seq $(($2 * 5))); do
    state=$(scontrol show job "$1" | sed -n 's/.*JobState=\([A-Z_]*\).*/\1/p')
    case $state in PENDING | CONFIGURING | RUNNING | COMPLETING | SUSPENDED) sleep 0.2 ;; *) break ;; esac
  done
  echo "$state"
}
wait_for_line() {  # wait_for_line TEXT FILE SECONDS
  for _ in $(seq $(($3 * 10))); do grep -qs -- "$1" "$2" && return 0; sleep 0.1; done
  fail "no '$1' in $2 within $3 s"
  return 1
}

start_cluster() {
  local i
  mount -t tmpfs tmpfs /run   # other daemons' sockets are theirs
  mkdir -p /run/munge /run/netns "$work/log" "$work/ctl"
  ip link set lo up
  ip link add br0 type bridge
  ip addr add 10.77.0.254/24 dev br0
  ip link set br0 up
  { cat /etc/hosts; printf '10.77.0.1 n1\n10.77.0.2 n2\n10.77.0.254 head\n'; } >"$work/hosts"
  mount --bind "$work/hosts" /etc/hosts
  cat >"$SLURM_CONF" <<END
ClusterName=test
SlurmctldHost=head(10.77.0.254)
AuthType=auth/munge
CredType=cred/munge
AuthInfo=cred_expire=5   # as long does a requeued job wait for its old credentials to expire; Slurm's default is 120 s
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$work/ctl
SlurmdSpoolDir=$work/spool-%n
SlurmctldPidFile=$work/ctl.pid
SlurmdPidFile=$work/slurmd-%n.pid
SlurmctldLogFile=$work/log/slurmctld
SlurmdLogFile=$work/log/slurmd-%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/affinity
# A site that binds each task to processors of its own unless it is told not to. (More processors than there are may be given
# out, see CPUs: a step that does not say --cpu-bind=none may not start.)
TaskPluginParam=autobind=cores
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU   # not memory: a job that asks for none gets it all
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1
ReturnToService=2
KillWait=30
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmdTimeout=10
MessageTimeout=5
SlurmdParameters=config_overrides
GresTypes=gpu
NodeName=n1 NodeAddr=10.77.0.1 CPUs=8 RealMemory=10000 Gres=gpu:2 State=UNKNOWN
NodeName=n2 NodeAddr=10.77.0.2 CPUs=8 RealMemory=10000 Gres=gpu:2 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP GraceTime=60
PartitionName=urgent Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=2
END
  # Devices that Slurm hands out as if they were GPUs.
  printf 'Name=gpu File=/dev/%s Flags=nvidia_gpu_env\n' null zero >"$work/gres.conf"
  (umask 077; head -c 1024 /dev/urandom >"$work/munge.key")
  munged --force --key-file="$work/munge.key" --log-file="$work/log/munged" --pid-file=/run/munge/munged.pid \
    --seed-file=/run/munge/seed --socket=/run/munge/munge.socket.2 || die "munged did not start"
  for i in 1 2; do
    ip netns add n$i
    ip link add v$i type veth peer name eth0 netns n$i
    ip link set v$i master br0 up
    ip -n n$i addr add 10.77.0.$i/24 dev eth0
    ip -n n$i link set eth0 up
    ip -n n$i link set lo up
  done
  hostname head
  slurmctld || die "slurmctld did not start"
  for i in 1 2; do
    # Not by `ip netns exec`: that mounts /sys anew and hides the cgroups that slurmd wants.
    nsenter --net=/run/netns/n$i unshare --mount --uts sh -c \
      "hostname n$i; mount -t tmpfs tmpfs /dev/shm; mount -t tmpfs -o size=512m tmpfs /tmp; exec slurmd -N n$i"
  done
  for _ in $(seq 150); do
    [ "$(sinfo -h -N -p main -o %T | grep -c '^idle$')" = 2 ] && return
    sleep 0.2
  done
  die "the nodes did not come up: $(sinfo -h -N)"
}

draw_pictures() {  # $work/train.txt: 64 pictures of 8 identities, and a configuration beside it
  "$bin/facetrain" synth --ids 8 --per-id 8 --out "$work/data" >/dev/null &&
    "$bin/facetrain" list -s "$work/data/train" -d "$work" -sfn train >/dev/null || die "no data set to test with"
  cat >"$work/small.toml" <<END
base = "$project/tests/e2e/small_run.toml"
[run]
work_path = "$work/runs"
[data]
train_source = "$work/train.txt"
END
}

# The two runs' traces: equal in steps, ranks and ids, the losses within 1e-5 of each other.
expect_same_trace() {  # expect_same_trace WHAT FILE REFERENCE
  local ids='s/, "loss".*//' numbers='s/.*"loss": \([^,]*\), "grad_norm": \([^,]*\),.*/\1 \2/'
  [ -s "$3" ] || { fail "$1: no trace $3"; return; }
  diff <(sed "$ids" "$2") <(sed "$ids" "$3") >"$work/difference" || fail "$1: other ids: $(head -n 4 "$work/difference")"
  paste -d' ' <(sed "$numbers" "$2") <(sed "$numbers" "$3") |
    awk '{d = $1 - $3; if (d < 0) d = -d; if (!(d <= 1e-5 * $3)) {print NR ": " $0; bad = 1}} END {exit bad}' \
      >"$work/difference" || fail "$1: other losses (line: loss, norm, and the reference's): $(head -n 4 "$work/difference")"
}

start_cluster
draw_pictures
cd "$work" || exit 1
