"""One of timm's networks as a classifier of ImageNet: a training step (SGD with Nesterov momentum), or inference, timed."""

import argparse

import timm
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from serve import MEMORY_FORMATS, Step, options, prepare, serve, training_step

CLASSES = 1000
# The reference's names of networks that timm numbers.
REGNETS = {"regnety_600m": "regnety_006", "regnety_800m": "regnety_008", "regnety_1.6g": "regnety_016"}


def arguments() -> argparse.Namespace:
    parser = options(__doc__)
    parser.add_argument("--network", required=True, help="as timm calls it, or one of the reference's names of RegNets")
    parser.add_argument("--work", choices=["training", "inference"], required=True)
    parser.add_argument(
        "--precision", choices=["float32", "bfloat16"], default="float32", help="of training; bfloat16: under autocast"
    )
    parser.add_argument("--side", type=int, default=224, help="side of the images, in pixels")
    return parser.parse_args()


def training(network: nn.Module, compiled: bool, precision: str) -> Step:
    optimizer = torch.optim.SGD(
        network.parameters(), lr=0.01, momentum=0.9, nesterov=True, weight_decay=1e-4, foreach=True
    )

    def loss(images: Tensor, labels: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            return F.cross_entropy(network(images), labels)

    return training_step(optimizer, torch.compile(loss) if compiled else loss)


def inference(network: nn.Module, compiled: bool) -> Step:
    network.eval().requires_grad_(False)
    forward = torch.compile(network) if compiled else network

    def step(images: Tensor, _labels: Tensor) -> Tensor:
        with torch.inference_mode():
            return forward(images)

    return step


def main() -> None:
    args = arguments()
    prepare(args)
    memory_format = MEMORY_FORMATS[args.memory_format]
    network = timm.create_model(REGNETS.get(args.network, args.network), num_classes=CLASSES)
    network = network.to(memory_format=memory_format)
    if args.work == "training":
        step = training(network, args.compile, args.precision)
    else:
        step = inference(network, args.compile)
    images = torch.rand(args.batch, 3, args.side, args.side).contiguous(memory_format=memory_format)
    serve(args, step, images, CLASSES)


main()
