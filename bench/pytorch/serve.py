"""A server of timed PyTorch work, so that another program can alternate it with its own in one run.

Once warm it prints one JSON line, {"ready": {...}}. Then each line `run N` on its input runs N steps on random images
and is answered by {"seconds": s, "images": n}. It ends when its input does.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor

Step = Callable[[Tensor, Tensor], Tensor]
"""Images [n, channels, side, side] and labels [n] in, a tensor that depends on all the work out."""

MEMORY_FORMATS = {"nchw": torch.contiguous_format, "nhwc": torch.channels_last}


def options(description: str | None) -> argparse.ArgumentParser:
    """A parser with the options that every kind of work has."""
    parser = argparse.ArgumentParser(description=f"{description} {__doc__}")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory-format", choices=list(MEMORY_FORMATS), default="nchw")
    parser.add_argument("--compile", action="store_true", help="torch.compile (needs g++; slow to warm)")
    parser.add_argument("--warmup", type=int, default=3, help="steps before it is ready")
    return parser


def prepare(args: argparse.Namespace) -> None:
    """To be called before any network is made."""
    torch.manual_seed(0)
    torch.set_num_threads(args.threads)


def serve(args: argparse.Namespace, step: Step, images: Tensor, classes: int) -> None:
    labels = torch.randint(classes, (args.batch,))

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
            sys.exit(f"{sys.argv[0]}: unknown command {command!r}; it knows: run N")
        answer({"seconds": run(int(count)), "images": int(count) * args.batch})


def training_step(optimizer: torch.optim.Optimizer, loss: Step) -> Step:
    """Forward, backward, and the optimizer's update."""

    def step(images: Tensor, labels: Tensor) -> Tensor:
        optimizer.zero_grad()
        value = loss(images, labels)
        value.backward()
        optimizer.step()
        return value.detach()

    return step


def answer(value: dict[str, object]) -> None:
    print(json.dumps(value), flush=True)
