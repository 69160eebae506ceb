# Sourced by end-to-end tests that go on after a failed check: work, an empty folder that is the current one and goes at the end, and
# fail MESSAGE, which counts in failures. conclude MESSAGE ends the test.
work=$(mktemp -d /tmp/facetrain-test.XXXXXX)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0
fail() { echo "FAILED: $*"; failures=$((failures + 1)); }
conclude() {
  [ "$failures" = 0 ] || { echo "$failures checks failed"; exit 1; }
  echo "$1"
}
