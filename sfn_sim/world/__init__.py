"""Worlds: what a run works on, and what must be true of it afterwards."""

from sfn_sim.world.expectations import Check, check_execution, check_expectations
from sfn_sim.world.fixture import Fixture, load_fixture
from sfn_sim.world.world import World, open_world

__all__ = ["Check", "Fixture", "World", "check_execution", "check_expectations", "load_fixture", "open_world"]
