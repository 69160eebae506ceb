"""The peer of row 5: the reference's own data set, sampler and transform in torch's DataLoader, as its LMDBDataLoader puts them together.

    python loader.py CLONE LIST WORKERS BATCH SAMPLES_FILE

(Its DataLoaderX only adds the copy to the GPU, and needs one.) Writes the first samples, without the random steps, to SAMPLES_FILE as
float16 (H, W, C); prints the versions, then "ready". For each line "N" on standard input it takes N batches and prints "CPU_US WALL_US",
processor time of this process and its workers together; an empty line ends it.
"""
import importlib
import sys
import time
import types

reference, list_file, workers, batch, samples_file = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
# The clone's data/__init__.py also imports the loaders of other formats; of the package only the modules that are used are loaded.
package = types.ModuleType("data")
package.__path__ = [reference + "/data"]
sys.modules["data"] = package
import cv2  # noqa: E402
import numpy  # noqa: E402
import PIL  # noqa: E402
import torch  # noqa: E402
import torchvision  # noqa: E402
from torch.utils.data import DataLoader  # noqa: E402
from torchvision import transforms  # noqa: E402

train_lmdb = importlib.import_module("data.data_loader_train_lmdb")
sampling = importlib.import_module("data.dist")
torch.set_num_threads(1)
cv2.setNumThreads(1)


def transform(random):
    """LMDBDataLoader's, with rand_erase; without its random steps for the comparison."""
    return transforms.Compose([transforms.Resize((112, 112))] + ([transforms.RandomHorizontalFlip()] if random else []) +
                              [transforms.ToTensor(), transforms.Normalize([0.5, 0.5, 0.5], [0.5, 0.5, 0.5])] +
                              ([transforms.RandomErasing()] if random else []))


def one_thread(worker):
    torch.set_num_threads(1)
    cv2.setNumThreads(1)


plain = train_lmdb.LMDB(list_file, transform(False))
with open(samples_file, "wb") as out:
    for i in range(64):
        out.write(plain[i][0].permute(1, 2, 0).numpy().astype(numpy.float16).tobytes())

dataset = train_lmdb.LMDB(list_file, transform(True), None, None, True)
sampler = sampling.DistributedSampler(dataset, num_replicas=1, rank=0, shuffle=True, seed=2048)
loader = DataLoader(dataset, batch_size=batch, sampler=sampler, num_workers=workers, pin_memory=False, drop_last=True,
                    persistent_workers=True, worker_init_fn=one_thread)


def forever():
    while True:
        yield from loader


batches = forever()
next(batches)
processes = [process.pid for process in loader._iterator._workers]


def processor_us():
    """Of this process and its workers: the kernel's clock of a process has the number (~pid << 3) | 2."""
    return (time.process_time_ns() + sum(time.clock_gettime_ns((~pid << 3) | 2) for pid in processes)) / 1e3


def rest():
    """Until the workers have made the batches that they fetch ahead, so that N batches taken are N batches made. The time of it, ns."""
    quiet, before, since = 0, -1.0, time.monotonic_ns()
    while quiet < 5:
        time.sleep(0.005)
        states = [open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0] for pid in processes]
        spent = sum(time.clock_gettime_ns((~pid << 3) | 2) for pid in processes)
        if spent == before and all(state == "S" for state in states):
            quiet += 1
        else:
            quiet, before, since = 0, spent, time.monotonic_ns()
    return since


print(f"Python {sys.version.split()[0]}, torch {torch.__version__}, torchvision {torchvision.__version__}, Pillow {PIL.__version__}, "
      f"cv2 {cv2.__version__}, numpy {numpy.__version__}")
rest()
print("ready", flush=True)
for line in sys.stdin:
    if not line.strip():
        break
    cpu, wall = processor_us(), time.monotonic_ns()
    for _ in range(int(line)):
        next(batches)
    end = rest()
    print(f"{processor_us() - cpu} {(end - wall) / 1e3}", flush=True)
