"""The small GFNet in PyTorch: encoders, recurrent classifier, policy (arXiv 2010.05300, sections 3.2 and 3.3)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

ACTION_STD = 0.1


class ResidualBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


class Encoder(nn.Module):
    """[n, channels, p, p] -> feature map [n, widths[-1], h, w] and its average [n, widths[-1]]; the stem (3 x 3, or 5 x 5 of
    stride 2) and each block but the first may halve the size. `head` is the encoder's own classifier (deep supervision)."""

    def __init__(self, widths: tuple[int, ...], stride: int, channels: int = 1, classes: int = 10):
        super().__init__()
        size = 3 if stride == 1 else 5
        self.stem = nn.Sequential(
            nn.Conv2d(channels, widths[0], size, stride, padding=size // 2, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU()
        )
        inputs = (widths[0], *widths)
        self.blocks = nn.Sequential(*(ResidualBlock(inputs[i], width, 1 if i == 0 else 2) for i, width in enumerate(widths)))
        self.head = nn.Linear(widths[-1], classes)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        feature_map = self.blocks(self.stem(x))
        return feature_map, feature_map.mean((2, 3))


class Classifier(nn.Module):
    """One step of the recurrent classifier: pooled feature and state in, logits and state out."""

    def __init__(self, features: int, hidden: int = 128, classes: int = 10):
        super().__init__()
        self.gru = nn.GRUCell(features, hidden)
        self.fc = nn.Linear(hidden, classes)

    def start(self, x: Tensor) -> Tensor:
        return x.new_zeros(len(x), self.gru.hidden_size)

    def forward(self, feature: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        state = self.gru(feature, state)
        return self.fc(state), state


class Policy(nn.Module):
    """Actor-critic over feature maps: mean of the next action in [0, 1]^2 (row, column) and the state's value."""

    def __init__(self, channels: int, side: int, squeezed: int = 32, hidden: int = 256):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(channels, squeezed, 1, bias=False),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(squeezed * side * side, hidden),
            nn.ReLU(),
        )
        self.gru = nn.GRUCell(hidden, hidden)
        self.actor = nn.Linear(hidden, 2)
        self.critic = nn.Linear(hidden, 1)

    def start(self, x: Tensor) -> Tensor:
        return x.new_zeros(len(x), self.gru.hidden_size)

    def forward(self, feature_map: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """One step: mean action [n, 2] and the next state."""
        state = self.gru(self.encoder(feature_map), state)
        return torch.sigmoid(self.actor(state)), state

    def replay(self, feature_maps: Tensor) -> tuple[Tensor, Tensor]:
        """The whole sequence [steps, n, c, h, w] from a zero state: mean actions [steps, n, 2] and values [steps, n]."""
        steps, n = feature_maps.shape[:2]
        encoded = self.encoder(feature_maps.flatten(0, 1)).view(steps, n, -1)
        state, states = self.start(encoded[0]), []
        for x in encoded:
            state = self.gru(x, state)
            states.append(state)
        hidden = torch.stack(states)
        return torch.sigmoid(self.actor(hidden)), self.critic(hidden).squeeze(-1)


def glance(images: Tensor, patch: int) -> Tensor:
    return F.interpolate(images, (patch, patch), mode="bilinear", align_corners=True)


def crop(images: Tensor, action: Tensor, patch: int) -> Tensor:
    """[n, c, h, h], actions [n, 2] in [0, 1] -> [n, c, p, p] with top left = floor(action * (h - p))."""
    corner = (action * (images.shape[-1] - patch)).floor().long()
    offsets = corner[:, :, None] + torch.arange(patch)
    image = torch.arange(len(images))[:, None, None]
    # Indices on both sides of the slice put the channel axis last: [n, p, p, c].
    patches = images[image, :, offsets[:, 0, :, None], offsets[:, 1, None, :]]
    return patches.permute(0, 3, 1, 2)
