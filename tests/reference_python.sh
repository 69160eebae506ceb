# Sourced by the end-to-end tests that lay facetrain beside the reference's own Python.
# reference_python MODULES FILE: sets python (FACETRAIN_PYTHON, which has these modules) and reference (FACETRAIN_REFERENCE, a clone of
# the reference that has this file), and makes folder, which goes at the end; else says SKIPPED and ends the test.
reference_python() {
  python=${FACETRAIN_PYTHON:-python3}
  reference=${FACETRAIN_REFERENCE:-}
  if ! "$python" -c "import $1" 2>/dev/null; then
    echo "SKIPPED: no Python with $1 (set FACETRAIN_PYTHON)"
    exit 0
  fi
  if [ ! -e "$reference/$2" ]; then
    echo "SKIPPED: no clone of the reference (set FACETRAIN_REFERENCE)"
    exit 0
  fi
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  export folder reference
}
