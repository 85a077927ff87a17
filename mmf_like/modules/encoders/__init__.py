"""Encoders: raw or precomputed inputs of one modality to features."""

from mmf_like.modules.encoders.base import Encoder, build_encoder

__all__ = ["Encoder", "build_encoder"]
