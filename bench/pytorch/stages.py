"""What one timed step does: a training step of each stage, or inference (METHOD: data flow and training)."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gfnet import Classifier, Encoder, Policy, crop, glance
from ppo import log_prob, ppo_loss, sample
from serve import Step, training_step


class Stages:
    def __init__(
        self, patch: int, steps: int, widths: tuple[int, ...], stem: int, memory_format: torch.memory_format, compiled: bool
    ):
        self.patch, self.steps = patch, steps
        self.glance_encoder = Encoder(widths, stem).to(memory_format=memory_format)
        self.local_encoder = Encoder(widths, stem).to(memory_format=memory_format)
        self.classifier = Classifier(widths[-1])
        shrunk = stem * 2 ** (len(widths) - 1)
        self.policy = Policy(widths[-1], side=-(-patch // shrunk)).to(memory_format=memory_format)
        self.memory_format = memory_format
        self.wrap = torch.compile if compiled else lambda function: function

    def networks(self) -> list[nn.Module]:
        return [self.glance_encoder, self.local_encoder, self.classifier]

    def train_mode(self, training: bool) -> None:
        for network in self.networks():
            network.train(training).requires_grad_(training)

    def inputs(self, patches: Tensor) -> Tensor:
        return patches.contiguous(memory_format=self.memory_format)

    def step(self, name: str) -> Step:
        """A fresh optimizer and the step of the stage called `name`: 1, 2, 3 or inference."""
        return {"1": self.stage1, "2": self.stage2, "3": self.stage3, "inference": self.inference}[name]()

    def supervised(self, loss: Callable[[Tensor, Tensor], Tensor]) -> Step:
        self.train_mode(True)
        encoders = [*self.glance_encoder.parameters(), *self.local_encoder.parameters()]
        groups = [{"params": encoders, "lr": 0.01}, {"params": list(self.classifier.parameters()), "lr": 0.1}]
        optimizer = torch.optim.SGD(groups, momentum=0.9, nesterov=True, weight_decay=1e-4, foreach=True)
        return training_step(optimizer, self.wrap(loss))

    def stage1(self) -> Step:
        def loss(images: Tensor, labels: Tensor) -> Tensor:
            return self.supervised_loss(images, labels, lambda feature_map: torch.rand(len(feature_map), 2))

        return self.supervised(loss)

    def stage3(self) -> Step:
        self.policy.eval().requires_grad_(False)

        def loss(images: Tensor, labels: Tensor) -> Tensor:
            state = self.policy.start(images)

            def act(feature_map: Tensor) -> Tensor:
                nonlocal state
                mean, state = self.policy(feature_map.detach(), state)
                return sample(mean)

            return self.supervised_loss(images, labels, act)

        return self.supervised(loss)

    def supervised_loss(self, images: Tensor, labels: Tensor, act: Callable[[Tensor], Tensor]) -> Tensor:
        """(sum_t CE(p_t) + sum_t CE(dsn_t)) / T."""
        state = self.classifier.start(images)
        encoder, patches = self.glance_encoder, glance(images, self.patch)
        total = torch.zeros(())
        for t in range(self.steps):
            feature_map, feature = encoder(self.inputs(patches))
            logits, state = self.classifier(feature, state)
            total = total + F.cross_entropy(logits, labels) + F.cross_entropy(encoder.head(feature), labels)
            if t + 1 < self.steps:
                encoder, patches = self.local_encoder, crop(images, act(feature_map), self.patch)
        return total / self.steps

    def stage2(self) -> Step:
        self.train_mode(False)
        optimizer = torch.optim.Adam(self.policy.parameters(), lr=3e-4, betas=(0.9, 0.999), foreach=True)
        rollout = self.wrap(self.rollout)
        loss = self.wrap(lambda *memory: ppo_loss(self.policy, *memory))

        def step(images: Tensor, labels: Tensor) -> Tensor:
            with torch.no_grad():
                memory = rollout(images, labels)
            optimizer.zero_grad()
            value = loss(*memory)
            value.backward()
            optimizer.step()
            return value.detach()

        return step

    def rollout(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """States, sampled actions, their log-probabilities and rewards (rise of the true label's probability)."""
        states, actions, log_probs, rewards = [], [], [], []
        policy_state, state = self.policy.start(images), self.classifier.start(images)
        feature_map, feature = self.glance_encoder(self.inputs(glance(images, self.patch)))
        logits, state = self.classifier(feature, state)
        confidence = true_probability(logits, labels)
        for _ in range(self.steps - 1):
            mean, policy_state = self.policy(feature_map, policy_state)
            action = sample(mean)
            states.append(feature_map)
            actions.append(action)
            log_probs.append(log_prob(mean, action))
            feature_map, feature = self.local_encoder(self.inputs(crop(images, action, self.patch)))
            logits, state = self.classifier(feature, state)
            before, confidence = confidence, true_probability(logits, labels)
            rewards.append(confidence - before)
        return torch.stack(states), torch.stack(actions), torch.stack(log_probs), torch.stack(rewards)

    def inference(self) -> Step:
        """All T steps for every image, the policy's mean for an action."""
        self.train_mode(False)
        self.policy.eval().requires_grad_(False)
        forward = self.wrap(self.forward)

        def step(images: Tensor, _labels: Tensor) -> Tensor:
            with torch.inference_mode():
                return forward(images)

        return step

    def forward(self, images: Tensor) -> Tensor:
        answers = []
        policy_state, state = self.policy.start(images), self.classifier.start(images)
        encoder, patches = self.glance_encoder, glance(images, self.patch)
        for t in range(self.steps):
            feature_map, feature = encoder(self.inputs(patches))
            logits, state = self.classifier(feature, state)
            answers.append(logits)
            if t + 1 < self.steps:
                action, policy_state = self.policy(feature_map, policy_state)
                encoder, patches = self.local_encoder, crop(images, action, self.patch)
        return torch.stack(answers)


def true_probability(logits: Tensor, labels: Tensor) -> Tensor:
    return logits.softmax(1).gather(1, labels[:, None]).squeeze(1)
