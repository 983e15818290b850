"""Proximal policy optimisation as GFNet's stage 2 does it (arXiv 2010.05300, section 3.3; 1707.06347, equation 7)."""

import torch
from torch import Tensor
from torch.distributions import Normal

from gfnet import ACTION_STD, Policy

GAMMA = 0.7
CLIP = 0.2
VALUE_WEIGHT = 0.5
ENTROPY_WEIGHT = 0.01


def gaussian(mean: Tensor) -> Normal:
    return Normal(mean, ACTION_STD, validate_args=False)


def log_prob(mean: Tensor, action: Tensor) -> Tensor:
    return gaussian(mean).log_prob(action).sum(-1)


def sample(mean: Tensor) -> Tensor:
    return gaussian(mean).sample().clamp(0, 1)


def normalised_returns(rewards: Tensor) -> Tensor:
    """Rewards [steps, n] -> discounted returns, normalised over all steps and images together."""
    returns, following = [], torch.zeros_like(rewards[0])
    for reward in reversed(rewards):
        following = reward + GAMMA * following
        returns.insert(0, following)
    stacked = torch.stack(returns)
    return (stacked - stacked.mean()) / (stacked.std() + 1e-5)


def ppo_loss(policy: Policy, states: Tensor, actions: Tensor, old_log_probs: Tensor, rewards: Tensor) -> Tensor:
    """The loss of one update over a rollout of `steps` actions for n images; every tensor starts [steps, n]."""
    returns = normalised_returns(rewards)
    mean, value = policy.replay(states)
    advantage = returns - value.detach()
    ratio = torch.exp(log_prob(mean, actions) - old_log_probs)
    surrogate = torch.minimum(ratio * advantage, ratio.clamp(1 - CLIP, 1 + CLIP) * advantage)
    value_loss = (value - returns).square().mean()
    entropy = gaussian(mean).entropy().sum(-1)
    return (-surrogate + VALUE_WEIGHT * value_loss - ENTROPY_WEIGHT * entropy).mean()
