"""Snapshots: the state of an open world, kept, and put back into it or into another world of the same fixture.

Rule of this module: a snapshot holds copies only, and gives out copies only, so that what one run writes never shows
in the next. Kept are moto's services in process and the stand-in for OpenAI; a world on an endpoint has no snapshot.
"""

from __future__ import annotations

import contextlib
import pickle
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sfn_sim.errors import FixtureError
from sfn_sim.services.isolation import MOTO_LOCK, moto_answers
from sfn_sim.world.fixture import Fixture
from sfn_sim.world.world import World, open_world


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of a world at one moment.

    Attributes:
        fixture: what the world was built from; `seed` its seed.
        services: moto's backends, pickled: service, account, region and the backend of each.
        openai: what the stand-in for OpenAI has; empty where there is none.
        environment: what handlers see of the world's addresses.
    """

    fixture: Fixture
    seed: int
    services: bytes
    openai: dict[str, Any]
    environment: dict[str, str]

    @property
    def size_bytes(self) -> int:
        """How much the services' state takes, in bytes."""
        return len(self.services)


def snapshot(world: World) -> Snapshot:
    """Keep the state of an open world.

    Raises:
        FixtureError: the world's services are not moto in process, or hold what cannot be kept.
    """
    if not moto_answers():
        raise FixtureError(f"{world.fixture.path}: a world on an endpoint of its own has no snapshot")
    with MOTO_LOCK:
        try:
            kept = pickle.dumps(
                [(backends.service_name, *each) for backends in _in_use() for each in backends.iter_backends()],
                protocol=pickle.HIGHEST_PROTOCOL,
            )
        except (TypeError, AttributeError, pickle.PicklingError) as error:
            raise FixtureError(f"{world.fixture.path}: the world holds what no snapshot can keep: {error}") from error
    openai = {} if world.openai is None else _copied(vars(world.openai))
    return Snapshot(world.fixture, world.seed, kept, openai, dict(world.env))


def restore(world: World, kept: Snapshot) -> None:
    """Put the state of a snapshot into an open world of the same fixture; whatever it held before is gone."""
    from moto.core.model_instances import reset_model_data

    with MOTO_LOCK:
        for backends in _in_use():
            for account in list(backends.values()):
                account.reset()  # closes what S3's objects hold open
                account.clear()
        # moto lists every model that it ever makes, those of the worlds that have just gone among them.
        reset_model_data()
        for service, account_id, region, backend in pickle.loads(kept.services):  # our own bytes, never a file's
            found = _backends(service)
            found[account_id][region] = backend
            if service == "s3":  # which knows beside that whose each bucket is
                found.bucket_accounts.update(dict.fromkeys(backend.buckets, (backend.partition, account_id)))
    if world.openai is not None:
        vars(world.openai).update(_copied(kept.openai))


@contextlib.contextmanager
def open_snapshot(kept: Snapshot, *, allow_network: Sequence[str] = ()) -> Iterator[World]:
    """Open a world with the state of a snapshot, without building it anew; it is taken down afterwards.

    Raises:
        FixtureError: the fixture's Python module fails when it is imported.
    """

    def fill(world: World) -> None:
        world.adopt({key: text for key, text in kept.environment.items() if key not in ("OPENAI_BASE_URL",)})
        restore(world, kept)

    with open_world(kept.fixture, seed=kept.seed, allow_network=allow_network, fill=fill) as world:
        yield world


def _copied(held: Mapping[str, Any]) -> dict[str, Any]:
    """Return copies of what the stand-in for OpenAI holds; its files' contents are made when they are asked for."""
    return {
        "_files": {key: replace(each) for key, each in held["_files"].items()},
        "_batches": {key: replace(each) for key, each in held["_batches"].items()},
        "_faults": [list(each) for each in held["_faults"]],
        "_stored": held["_stored"],
    }


def _in_use() -> list[Any]:
    import boto3  # noqa: F401  # the guards start moto when boto3 is imported
    from moto.core.base_backend import BackendDict

    return list(BackendDict._instances)


def _backends(service: str) -> Any:
    from moto.backends import get_backend

    return get_backend(service)
