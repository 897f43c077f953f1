"""Decides for all frames of a block at once which of them may have to do with EAD, and counts the others.

Vectorised: every function takes the positions (in the batch) of the frames that it looks at and where in the block
their next header begins. What cannot be judged here is kept, so that nothing is lost for speed: tshark sees it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from app.core.parsers.capture_formats import (
    FIRST,
    LATER,
    LINK_ETHERNET,
    LINK_LOOP,
    LINK_NULL,
    LINK_PPP,
    LINK_RAW,
    LINK_SLL,
    LINK_SLL2,
    MTU_BYTES,
    NON_IP,
    OTHER,
    TCP,
    UDP,
)
from app.core.parsers.capture_records import FrameBatch
from app.core.parsers.judging import Judgement, Judging, Positions
from app.core.parsers.port_roles import EAD_ROLE, GTP_ROLE, TUNNEL_ROLE, VXLAN_ROLE

MAX_DEPTH = 4  # tunnels in tunnels; deeper ones are kept unseen

# ARP, RARP, EAPOL, LLDP, slow protocols, loop tests, AppleTalk, IPX, CFM, PROFINET, PTP, PPPoE discovery, wake-on-LAN
NON_IP_TYPES = (0x0806, 0x8035, 0x888E, 0x88CC, 0x8809, 0x9000, 0x8899, 0x809B, 0x80F3, 0x8137, 0x8902, 0x8892, 0x88F7,
                0x8863, 0x0842, 0x88B8, 0x88BA, 0x8914, 0x8906)  # fmt: skip
TAG_TYPES = (0x8100, 0x88A8, 0x9100, 0x9200)
# IGMP, EGP, RSVP, ESP, EIGRP, OSPF, PIM, VRRP, SCTP: nothing of ours inside. No next header (59).
PLAIN_PROTOCOLS = (2, 8, 46, 50, 59, 88, 89, 103, 112, 132)
EXTENSION_HEADERS = (0, 43, 60, 135, 139, 140)


def sift(batch: FrameBatch, link_types: NDArray[np.int64], roles: NDArray[np.uint8]) -> Judgement:
    """Judges every frame of the batch; `link_types` by interface number."""
    return _Sieve(batch, roles).run(link_types[batch.interface])


class _Sieve(Judging):
    def run(self, link_types: NDArray[np.int64]) -> Judgement:
        for link_type in np.flatnonzero(np.bincount(link_types)).tolist():
            frames = np.flatnonzero(link_types == link_type)
            self._link(link_type, frames, self.batch.start[frames])
        return self.result

    # ------------------------------------------------------------ link layers

    def _link(self, link_type: int, frames: Positions, at: Positions) -> None:
        if link_type == LINK_ETHERNET:
            self._ethernet(frames, at, 0)
        elif link_type in LINK_RAW:
            self._any_ip(frames, at, 0)
        elif link_type in (LINK_NULL, LINK_LOOP):
            frames, at = self._long_enough(frames, at, 4)
            self._any_ip(frames, at + 4, 0)
        elif link_type in (LINK_SLL, LINK_SLL2):
            length, type_at = (16, 14) if link_type == LINK_SLL else (20, 0)
            frames, at = self._long_enough(frames, at, length)
            self._ethertype(frames, self._be16(at + type_at), at + length, 0)
        elif link_type == LINK_PPP:
            self._ppp(frames, at)
        else:
            self._keep(frames)

    def _ppp(self, frames: Positions, at: Positions) -> None:
        frames, at = self._long_enough(frames, at, 4)
        at = np.where(self._be16(at) == 0xFF03, at + 2, at)  # address and control may be left out
        kind = self._be16(at)
        v4, v6 = kind == 0x0021, kind == 0x0057
        self._ipv4(frames[v4], at[v4] + 2, 0)
        self._ipv6(frames[v6], at[v6] + 2, 0)
        self._keep(frames[~v4 & ~v6])

    def _ethernet(self, frames: Positions, at: Positions, depth: int) -> None:
        frames, at = self._long_enough(frames, at, 14)
        self._ethertype(frames, self._be16(at + 12), at + 14, depth)

    def _ethertype(self, frames: Positions, kind: NDArray[np.int64], at: Positions, depth: int) -> None:
        for _ in range(4):
            if ((kind == 0x0800) | (kind == 0x86DD)).all():
                break
            tagged = np.isin(kind, TAG_TYPES)
            if not tagged.any():
                break
            short = tagged & (at + 4 > self.end[frames])
            if short.any():
                self._keep(frames[short])
                frames, kind, at, tagged = frames[~short], kind[~short], at[~short], tagged[~short]
            kind = kind.copy()
            at = at.copy()
            kind[tagged] = self._be16(at[tagged] + 2)
            at[tagged] += 4
        done = np.zeros(len(frames), dtype=np.bool_)
        for value, read in ((0x0800, self._ipv4), (0x86DD, self._ipv6), (0x8864, self._pppoe), (0x8847, self._mpls)):
            mine = kind == value
            if mine.any():
                done |= mine
                read(frames[mine], at[mine], depth)
        if done.all():
            return
        not_ip = ~done & (np.isin(kind, NON_IP_TYPES))
        length_field = ~done & (kind <= MTU_BYTES)
        if length_field.any():  # LLC: spanning tree is none of ours, the rest is rare enough to keep
            llc = np.flatnonzero(length_field)
            llc = llc[at[llc] + 2 <= self.end[frames[llc]]]
            spanning_tree = llc[(self.octets[at[llc]] == 0x42) & (self.octets[at[llc] + 1] == 0x42)]
            not_ip[spanning_tree] = True
        self.result.kind[frames[not_ip]] = NON_IP
        self._keep(frames[~done & ~not_ip])

    def _pppoe(self, frames: Positions, at: Positions, depth: int) -> None:
        frames, at = self._long_enough(frames, at, 8)
        kind = self._be16(at + 6)
        v4, v6 = kind == 0x0021, kind == 0x0057
        self._ipv4(frames[v4], at[v4] + 8, depth)
        self._ipv6(frames[v6], at[v6] + 8, depth)
        self._keep(frames[~v4 & ~v6])

    def _mpls(self, frames: Positions, at: Positions, depth: int) -> None:
        for _ in range(8):
            if not len(frames):
                return
            frames, at = self._long_enough(frames, at, 5)
            bottom = (self.octets[at + 2] & 1) == 1
            self._any_ip(frames[bottom], at[bottom] + 4, depth)
            frames, at = frames[~bottom], at[~bottom] + 4
        self._keep(frames)

    # ------------------------------------------------------------ network layer

    def _any_ip(self, frames: Positions, at: Positions, depth: int) -> None:
        frames, at = self._long_enough(frames, at, 1)
        version = self.octets[at] >> 4
        v4, v6 = version == 4, version == 6
        self._ipv4(frames[v4], at[v4], depth)
        self._ipv6(frames[v6], at[v6], depth)
        self._keep(frames[~v4 & ~v6])

    def _ipv4(self, frames: Positions, at: Positions, depth: int) -> None:
        frames, at = self._long_enough(frames, at, 20)
        if not len(frames):
            return
        octets, words = self._headers(at, 20)
        sound = (octets[:, 0] >= 0x45) & (octets[:, 0] <= 0x4F)
        if not sound.all():
            self._keep(frames[~sound])
            frames, at, octets, words = frames[sound], at[sound], octets[sound], words[sound]
        self.result.ip_bytes[frames] = words[:, 1]
        payload = at + ((octets[:, 0] & 0x0F).astype(np.int64) << 2)
        self._after_ip(frames, octets[:, 9], payload, words[:, 3] & 0x3FFF, 0x1FFF, depth)

    def _ipv6(self, frames: Positions, at: Positions, depth: int) -> None:
        frames, at = self._long_enough(frames, at, 40)
        if not len(frames):
            return
        octets, words = self._headers(at, 8)
        sound = (octets[:, 0] >> 4) == 6
        self._keep(frames[~sound])
        frames, at, octets, words = frames[sound], at[sound], octets[sound], words[sound]
        self.result.ip_bytes[frames] = words[:, 2].astype(np.int64) + 40
        protocol = octets[:, 6]
        at = at + 40
        for _ in range(8):
            extended = np.isin(protocol, (*EXTENSION_HEADERS, 44, 51))
            plain = ~extended
            if plain.any():
                none = np.zeros(int(plain.sum()), dtype=np.int64)
                self._after_ip(frames[plain], protocol[plain], at[plain], none, 0, depth)
                frames, protocol, at = frames[extended], protocol[extended], at[extended]
            if not len(frames):
                return
            whole = at + 8 <= self.end[frames]
            self._keep(frames[~whole])
            frames, protocol, at = frames[whole], protocol[whole], at[whole]
            pieces = protocol == 44
            if pieces.any():
                word = self._be16(at[pieces] + 2) & 0xFFF9
                self._keep(frames[pieces])  # atomic ones too: they have a name
                self._after_ip(frames[pieces], self.octets[at[pieces]], at[pieces] + 8, word, 0xFFF8, depth)
                frames, protocol, at = frames[~pieces], protocol[~pieces], at[~pieces]
            length = self.octets[at + 1].astype(np.int64)
            length = np.where(protocol == 51, (length + 2) * 4, (length + 1) * 8)
            protocol, at = self.octets[at], at + length
        self._keep(frames)

    def _after_ip(
        self,
        frames: Positions,
        protocol: NDArray[np.uint8],
        at: Positions,
        piece: NDArray[np.int64] | NDArray[np.uint16],
        offset_mask: int,
        depth: int,
    ) -> None:
        kinds = self.result.kind
        pieces = piece != 0
        if pieces.any():
            self._keep(frames[pieces])
            later = (piece & offset_mask) != 0
            kinds[frames[later]] = LATER
            first = pieces & ~later
            kinds[frames[first]] = FIRST
            first_udp = first & (protocol == 17)
            self._ports(frames[first_udp], at[first_udp])
            frames, protocol, at = frames[~pieces], protocol[~pieces], at[~pieces]
        tcp = protocol == 6
        kinds[frames[tcp]] = TCP
        if tcp.all():
            return
        frames, protocol, at = frames[~tcp], protocol[~tcp], at[~tcp]
        udp = protocol == 17
        if udp.any():
            kinds[frames[udp]] = UDP
            self._udp(frames[udp], at[udp], depth)
            frames, protocol, at = frames[~udp], protocol[~udp], at[~udp]
        if not len(frames):
            return
        kinds[frames] = OTHER
        inner: tuple[tuple[int, Callable[[Positions, Positions, int], None]], ...] = (
            (1, self._icmp), (58, self._icmpv6), (47, self._gre), (4, self._ipv4), (41, self._ipv6))  # fmt: skip
        done = np.isin(protocol, PLAIN_PROTOCOLS)
        for number, read in inner:
            mine = protocol == number
            if mine.any():
                done |= mine
                if depth < MAX_DEPTH:
                    read(frames[mine], at[mine], depth + 1)
                else:
                    self._keep(frames[mine])
        self._keep(frames[~done])

    # ------------------------------------------------------------ transport and tunnels

    def _icmp(self, frames: Positions, at: Positions, depth: int) -> None:
        frames, at = self._long_enough(frames, at, 1)
        self._keep(frames[np.isin(self.octets[at], (3, 4, 5, 11, 12))])

    def _icmpv6(self, frames: Positions, at: Positions, depth: int) -> None:
        frames, at = self._long_enough(frames, at, 1)
        self._keep(frames[self.octets[at] < 128])

    def _udp(self, frames: Positions, at: Positions, depth: int) -> None:
        frames, at = self._long_enough(frames, at, 8)
        roles = self._ports(frames, at)
        self._keep(frames[(roles & (EAD_ROLE | TUNNEL_ROLE)) != 0])
        open_ones = (roles & EAD_ROLE) == 0
        frames, at, roles = frames[open_ones], at[open_ones] + 8, roles[open_ones]
        self._head_id(frames, at)
        self._plain_body(frames, at)
        tunnels = roles != 0
        if not tunnels.any():
            return
        if depth >= MAX_DEPTH:
            self._keep(frames[tunnels])
            return
        vxlan, gtp = (roles & VXLAN_ROLE) != 0, (roles & GTP_ROLE) != 0
        self._ethernet(frames[vxlan], at[vxlan] + 8, depth + 1)
        self._gtp(frames[gtp], at[gtp], depth + 1)

    def _gre(self, frames: Positions, at: Positions, depth: int) -> None:
        frames, at = self._long_enough(frames, at, 4)
        flags, kind = self._be16(at), self._be16(at + 2)
        simple = (flags & 0x4FFF) == 0  # version 0, no routing
        self._keep(frames[~simple])
        frames, at, flags, kind = frames[simple], at[simple], flags[simple], kind[simple]
        length = 4 + 4 * ((flags >> 15) & 1) + 4 * ((flags >> 13) & 1) + 4 * ((flags >> 12) & 1)
        inner = at + length
        plain = np.isin(kind, (0x0800, 0x86DD))
        self._ethertype(frames[plain], kind[plain], inner[plain], depth)
        bridged = kind == 0x6558
        self._ethernet(frames[bridged], inner[bridged], depth)
        mirrored = (kind == 0x88BE) & ((flags & 0x1000) != 0)  # ERSPAN II: 8 bytes of its own
        self._ethernet(frames[mirrored], inner[mirrored] + 8, depth)
        self._keep(frames[~plain & ~bridged & ~mirrored])

    def _gtp(self, frames: Positions, at: Positions, depth: int) -> None:
        frames, at = self._long_enough(frames, at, 12)
        flags, kind = self.octets[at], self.octets[at + 1]
        user = kind == 0xFF
        simple = user & ((flags & 0xF4) == 0x30)  # version 1, protocol type 1, no extension headers
        self._keep(frames[~simple])
        length = np.where((flags[simple] & 0x03) != 0, 12, 8)
        self._any_ip(frames[simple], at[simple] + length, depth)
