#!/usr/bin/env bash
# Whole networks' .pth files between Python and facetrain: Python's torch.save of the reference's class is read here and fits by name,
# order and value; what is written here is read by torch.load(weights_only=True) and by the reference's class, strictly. Every backbone:
# IResNet of each depth and mode, ViT s, b and l, MobileFaceNet.
# FACETRAIN_PYTHON: a Python with torch, numpy and timm; FACETRAIN_REFERENCE: a clone of HaiyuWu/iccv2025-fr-competition or of
# HaiyuWu/SOTA-Face-Recognition-Train-and-Test; FACETRAIN_MOBILEFACENET (optional): arcface_torch's mobilefacenet.py.
# usage: pth_roundtrip.sh BIN_DIR [NETWORK...]   a network as 18:se, vit_s: or mbf:
set -euo pipefail
bin=$1
shift
tests=$(cd "$(dirname "$0")/.." && pwd)
. "$tests/reference_python.sh"
reference_python 'torch, numpy, timm' model/vit.py
export tests
networks=("$@")
if [ $# = 0 ]; then
  for depth in 18 34 50 100 152 200; do networks+=("$depth:normal" "$depth:se"); done
  networks+=(vit_s: vit_b: vit_l:)
  if [ -n "${FACETRAIN_MOBILEFACENET:-}" ]; then networks+=(mbf:); else echo "mobilefacenet not run: set FACETRAIN_MOBILEFACENET"; fi
fi
cat >"$folder/exchange.py" <<'PYTHON'
import os, sys, warnings
warnings.filterwarnings("ignore")
sys.path.insert(0, os.path.join(os.environ["tests"], "golden"))
import torch
from record_backbones import build_iresnet, fill, load_class, load_module
depth, mode = sys.argv[2].split(":")
folder = os.environ["folder"]
model_file = lambda name: os.path.join(os.environ["reference"], "model", name)
if depth == "mbf":
    model = load_class(os.environ["FACETRAIN_MOBILEFACENET"], "get_mbf")(False, 512)
elif depth.startswith("vit_"):
    model = load_class(model_file("vit.py"), "get_vit")(depth[len("vit_"):])
else:
    model = build_iresnet(load_module(model_file("iresnet.py")), depth, mode)
with torch.no_grad():
    fill(model, bool(mode))
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
for network in "${networks[@]}"; do
  rm -f "$folder"/*.pth
  "$python" "$folder/exchange.py" write "$network"
  FACETRAIN_PTH_DIR=$folder "$bin/test_trainer" --source-file='*/golden/trainer/python_pth.cpp' --test-case='whole networks*' | grep exchanged ||
    { echo "FAILED: $network"; exit 1; }
  "$python" "$folder/exchange.py" check "$network"
done
echo "passed: ${networks[*]}"
