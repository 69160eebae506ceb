#!/usr/bin/env bash
# Whole networks' .pth files between Python and facetrain: Python's torch.save of the reference's class is read here and fits by name,
# order and value; what is written here is read by torch.load(weights_only=True) and by the reference's class, strictly.
# FACETRAIN_PYTHON: a Python with torch and numpy; FACETRAIN_REFERENCE: a clone of HaiyuWu/iccv2025-fr-competition;
# FACETRAIN_MOBILEFACENET (optional): arcface_torch's mobilefacenet.py. usage: pth_roundtrip.sh BIN_DIR
set -euo pipefail
bin=$1
tests=$(cd "$(dirname "$0")/.." && pwd)
python=${FACETRAIN_PYTHON:-python3}
reference=${FACETRAIN_REFERENCE:-}
if ! "$python" -c 'import torch, numpy' 2>/dev/null; then
  echo "SKIPPED: no Python with torch (set FACETRAIN_PYTHON)"
  exit 0
fi
if [ ! -e "$reference/model/iresnet.py" ]; then
  echo "SKIPPED: no clone of the reference (set FACETRAIN_REFERENCE)"
  exit 0
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# Each depth once and both modes; golden.trainer.state_dicts has names and shapes of all.
networks="18:normal 18:se 34:normal 50:normal 50:se 100:se 152:normal 200:se"
[ -n "${FACETRAIN_MOBILEFACENET:-}" ] && networks="$networks mbf:"
for network in $networks; do
  export network folder tests reference
  cat >"$folder/exchange.py" <<'PYTHON'
import os, sys, warnings
warnings.filterwarnings("ignore")
sys.path.insert(0, os.path.join(os.environ["tests"], "golden"))
import torch
from record_backbones import build_iresnet, fill, load_class, load_module
depth, mode = os.environ["network"].split(":")
folder = os.environ["folder"]
if depth == "mbf":
    model = load_class(os.environ["FACETRAIN_MOBILEFACENET"], "get_mbf")(False, 512)
else:
    model = build_iresnet(load_module(os.path.join(os.environ["reference"], "model", "iresnet.py")), depth, mode)
with torch.no_grad():
    fill(model, depth != "mbf")
if sys.argv[1] == "write":
    torch.save(model.state_dict(), folder + "/python.pth")
else:
    ours = torch.load(folder + "/ours.pth", weights_only=True)
    expected = model.state_dict()
    assert list(ours) == list(expected), "names or order differ"
    for name, tensor in expected.items():
        assert ours[name].dtype == tensor.dtype and torch.equal(ours[name], tensor), name
    print(model.load_state_dict(ours, strict=True), depth, mode)
PYTHON
  rm -f "$folder"/*.pth
  "$python" "$folder/exchange.py" write
  FACETRAIN_PTH_DIR=$folder "$bin/test_trainer" --source-file='*/golden/trainer/python_pth.cpp' --test-case='whole networks*'
  "$python" "$folder/exchange.py" check
done
echo "passed"
