"""Metrics, and `SplitMetrics`, which keeps those of every split and dataset of a run."""

from mmf_like.modules.metrics.base import BaseMetric
from mmf_like.modules.metrics.split_metrics import SplitMetrics

__all__ = ["BaseMetric", "SplitMetrics"]
