"""Exploring: every failure that can meet a machine's handlers, tried one by one in a world."""

from sfn_sim.explore.exploring import Exploration, Explorer
from sfn_sim.explore.points import Fault, Point, Probe, Tried

__all__ = ["Exploration", "Explorer", "Fault", "Point", "Probe", "Tried"]
