# Sourced by end-to-end tests that go on after a failed check: work, an empty folder that is the current one and goes at the end, and
# fail MESSAGE, which counts in failures. conclude MESSAGE ends the test. processes: a line "PID COMMAND LINE" for each of the job's.
# sockets: the names of their data services' sockets; still_open FILE: those of the names in it that are there.
work=$(mktemp -d /tmp/facetrain-test.XXXXXX)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0
fail() { echo "FAILED: $*"; failures=$((failures + 1)); }
conclude() {
  [ "$failures" = 0 ] || { echo "$failures checks failed"; exit 1; }
  echo "$1"
}
processes() {  # ours are those that run in $work
  local p
  find /proc/[0-9]*/cwd -maxdepth 0 -lname "$work" 2>/dev/null | cut -d/ -f3 | while read -r p; do
    case $(cat "/proc/$p/comm" 2>/dev/null) in
      facetrain*|dataservice|trainer|mpirun|orterun|orted) echo "$p $(tr '\0' ' ' 2>/dev/null </proc/"$p"/cmdline)" ;;
    esac
  done 2>/dev/null
}
sockets() {  # other jobs may run on this machine: ours are those that our processes hold
  local p
  processes | while read -r p _; do readlink /proc/"$p"/fd/*; done 2>/dev/null | sed -n 's/^socket:\[\(.*\)\]$/\1/p' >inodes
  awk 'NR == FNR {held[$1] = 1; next} $8 ~ /^@facetrain/ && $7 in held {print $8}' inodes /proc/net/unix | sort -u
}
still_open() { grep -oFx -f "$1" <(awk '{print $8}' /proc/net/unix) | sort -u; }   # of the names in file $1
