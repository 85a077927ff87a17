"""Losses, and `Losses`, which computes all that a model's config lists."""

from mmf_like.modules.losses.base import Losses, MMFLoss

__all__ = ["Losses", "MMFLoss"]
