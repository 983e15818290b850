"""A server of timed loading: a DataLoader over the JPEG files of a folder, with torchvision's usual training transforms.

As bench.py: {"ready": {...}} once warm; then each line `run N` loads N batches and is answered by {"seconds": s, "images": n}.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms


class Files(Dataset):
    """`count` images in all, the files again and again."""

    def __init__(self, folder: Path, side: int, count: int) -> None:
        self.files = sorted(folder.rglob("*.jpg"))
        self.count = count
        self.transform = transforms.Compose(
            [transforms.RandomResizedCrop(side), transforms.RandomHorizontalFlip(), transforms.ToTensor()]
        )

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        with self.files[index % len(self.files)].open("rb") as file:
            return self.transform(Image.open(file).convert("RGB")), 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--workers", type=int, default=2)
    return parser.parse_args()


def answer(value: dict[str, object]) -> None:
    print(json.dumps(value), flush=True)


def main() -> None:
    args = arguments()
    torch.set_num_threads(1)
    # Workers live on between runs: their start is not on the clock, on neither side.
    batches = iter(
        DataLoader(Files(args.folder, args.side, 10**9), batch_size=args.batch, num_workers=args.workers, sampler=Endless())
    )

    def run(count: int) -> float:
        start = time.perf_counter()
        for _ in range(count):
            next(batches)
        return time.perf_counter() - start

    run(4)
    answer({"ready": {"torch": torch.__version__}})
    for line in sys.stdin:
        command, count = line.split()
        if command != "run":
            sys.exit(f"bench_loader.py: unknown command {command!r}; it knows: run N")
        answer({"seconds": run(int(count)), "images": int(count) * args.batch})


class Endless(torch.utils.data.Sampler):
    """0, 1, 2, ..."""

    def __iter__(self):
        index = 0
        while True:
            yield index
            index += 1


main()
