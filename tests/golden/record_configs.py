"""Records what the reference's own get_config() makes of every configuration of it and its parent.

    python tests/golden/record_configs.py --reference /path/to/iccv2025-fr-competition \\
        --parent /path/to/SOTA-Face-Recognition-Train-and-Test > tests/golden/data/configs.txt

One line a key: repository configuration key value (JSON; floats as Python's repr). `!` instead of a key: get_config's own error,
after which the values are those that it had merged.
"""
import argparse
import json
import subprocess
import sys
from pathlib import Path

# get_config changes configs.base's object, so each configuration is read in a forked process of its own.
ALL = """
import json, os, sys
sys.path.insert(0, ".")
from utils.get_configs import get_config
for name in sys.argv[1:]:
    if os.fork():
        assert os.wait()[1] == 0, name
        continue
    error = None
    try:
        config = get_config(f"configs/{name}.py")
    except Exception as problem:
        error = type(problem).__name__ + " " + str(problem)
        from configs.base import config
    made = ("device", "recognition_head", "work_path", "model_path", "log_path")
    values = {key: config[key] for key in config if key not in made}
    print(json.dumps({"name": name, "error": error, "values": values}), flush=True)
    os._exit(0)
"""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--reference", required=True)
    parser.add_argument("--parent", required=True)
    arguments = parser.parse_args()
    print("# utils/get_configs.py get_config() of each repository; key and value as JSON")
    for name, clone in (("reference", arguments.reference), ("parent", arguments.parent)):
        names = sorted(path.stem for path in Path(clone, "configs").glob("*.py") if path.stem != "__init__")
        run = subprocess.run([sys.executable, "-c", ALL, *names], cwd=clone, check=True, stdout=subprocess.PIPE, text=True)
        for line in run.stdout.splitlines():
            made = json.loads(line)
            if made["error"]:
                print(name, made["name"], "!", json.dumps(made["error"]))
            for key in sorted(made["values"]):
                print(name, made["name"], key, json.dumps(made["values"][key]))


if __name__ == "__main__":
    main()
