"""Which point is the client's, which the server's: as told, else by the TTL that only a sender's own wire shows."""

from __future__ import annotations

from collections.abc import Sequence

from app.core.analysis import Role
from app.core.network.joining import Joined
from app.core.network.paths import INITIAL_TTLS, Place
from app.core.network.traces import CaptureInput
from app.core.records import Direction


def roles_of(joined: Joined, captures: Sequence[CaptureInput]) -> list[Role]:
    """The role of each capture's point."""
    roles: list[Role] = [Role.MIDDLE] * len(captures)
    places = joined.order.places
    hinted = {place.role_hint for place in places}
    for position, place in enumerate(places):
        role = place.role_hint
        if role is None and position == 0 and Role.CLIENT not in hinted and _is_end(joined, place, Role.CLIENT):
            role = Role.CLIENT
        if role is None and position == len(places) - 1 > 0 and Role.SERVER not in hinted:
            role = Role.SERVER if _is_end(joined, place, Role.SERVER) else None
        for index in place.captures:
            roles[index] = role or Role.MIDDLE
    return roles


def _is_end(joined: Joined, place: Place, role: Role) -> bool:
    """Whether the datagrams that this end sends have not passed a router yet, and all come from one host."""
    way = Direction.TO_SERVER if role == Role.CLIENT else Direction.TO_CLIENT
    senders: set[str] = set()
    for group, direction in zip(joined.groups, joined.directions, strict=True):
        if direction != way or not group.is_ead:
            continue
        for capture in place.captures:
            seen = group.members.get(capture)
            if seen is not None:
                if seen.packets[0].ttl not in INITIAL_TTLS:
                    return False
                senders.add(seen.source_ip)
    return len(senders) == 1
