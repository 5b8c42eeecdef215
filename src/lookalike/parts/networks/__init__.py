"""Networks that several recipes share; what one recipe alone uses lives with it."""

from lookalike.parts.networks.base import Frame, NetworkPlan, Networks

__all__ = ["Frame", "NetworkPlan", "Networks"]
