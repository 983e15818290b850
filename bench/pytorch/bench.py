"""A server of timed PyTorch work, so that another program can alternate it with its own in one run.

Once warm it prints one JSON line, {"ready": {...}}. Then each line `run N` on its input runs N steps on random images
and is answered by {"seconds": s, "images": n}. It ends when its input does.
"""

import argparse
import json
import sys
import time

import torch

from stages import Stages

CLASSES = 10
MEMORY_FORMATS = {"nchw": torch.contiguous_format, "nhwc": torch.channels_last}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stage", choices=["1", "2", "3", "inference"], required=True)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--canvas", type=int, default=60, help="side of the images, in pixels")
    parser.add_argument("--patch", type=int, default=28, help="side of the glance and of the crops, in pixels")
    parser.add_argument("--steps", type=int, default=4, help="T: the glance and T - 1 crops")
    parser.add_argument("--widths", type=int, nargs="+", default=[32, 64, 104], help="channels of the encoders' blocks")
    parser.add_argument("--stem", type=int, default=2, help="stride of the encoders' stem")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory-format", choices=list(MEMORY_FORMATS), default="nchw")
    parser.add_argument("--compile", action="store_true", help="torch.compile (needs g++; slow to warm)")
    parser.add_argument("--warmup", type=int, default=3, help="steps before it is ready")
    return parser.parse_args()


def answer(value: dict[str, object]) -> None:
    print(json.dumps(value), flush=True)


def main() -> None:
    args = arguments()
    torch.manual_seed(0)
    torch.set_num_threads(args.threads)
    stages = Stages(
        args.patch, args.steps, tuple(args.widths), args.stem, MEMORY_FORMATS[args.memory_format], args.compile
    )
    step = stages.step(args.stage)
    images = torch.rand(args.batch, 1, args.canvas, args.canvas)
    labels = torch.randint(CLASSES, (args.batch,))

    def run(count: int) -> float:
        start = time.perf_counter()
        for _ in range(count):
            step(images, labels)
        return time.perf_counter() - start

    run(args.warmup)
    answer({"ready": {**vars(args), "torch": torch.__version__}})
    for line in sys.stdin:
        command, count = line.split()
        if command != "run":
            sys.exit(f"bench.py: unknown command {command!r}; it knows: run N")
        answer({"seconds": run(int(count)), "images": int(count) * args.batch})


main()
