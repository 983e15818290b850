"""The training steps and the inference of the small GFNet, timed."""

import argparse

import torch

from serve import MEMORY_FORMATS, options, prepare, serve
from stages import Stages

CLASSES = 10


def arguments() -> argparse.Namespace:
    parser = options(__doc__)
    parser.add_argument("--stage", choices=["1", "2", "3", "inference"], required=True)
    parser.add_argument("--canvas", type=int, default=60, help="side of the images, in pixels")
    parser.add_argument("--patch", type=int, default=28, help="side of the glance and of the crops, in pixels")
    parser.add_argument("--steps", type=int, default=4, help="T: the glance and T - 1 crops")
    parser.add_argument("--widths", type=int, nargs="+", default=[32, 64, 104], help="channels of the encoders' blocks")
    parser.add_argument("--stem", type=int, default=2, help="stride of the encoders' stem")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    prepare(args)
    stages = Stages(
        args.patch, args.steps, tuple(args.widths), args.stem, MEMORY_FORMATS[args.memory_format], args.compile
    )
    serve(args, stages.step(args.stage), torch.rand(args.batch, 1, args.canvas, args.canvas), CLASSES)


main()
