"""What a UDP port may mean to the sieve: EAD, or a tunnel that it can or cannot look into."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

VXLAN_PORTS = (4789, 8472)  # 8472: Linux's older VXLAN, same layout as OTV
GTP_PORT = 2152
# L2TP, Teredo, LISP, GRE in UDP, VXLAN-GPE, CAPWAP data, Geneve, MPLS in UDP, LWAPP, Cisco and TZSP mirrors
KEPT_TUNNEL_PORTS = (1701, 3544, 4341, 4754, 4790, 5247, 6081, 6635, 12222, 12223, 17754, 37008)
EAD_ROLE, VXLAN_ROLE, GTP_ROLE, TUNNEL_ROLE = 1, 2, 4, 8


def port_roles(ports: frozenset[int]) -> NDArray[np.uint8]:
    """Table of 65,536 bit sets: what a UDP port may mean."""
    roles = np.zeros(65_536, dtype=np.uint8)
    roles[[port for port in ports if 0 < port < 65_536]] |= EAD_ROLE
    roles[list(VXLAN_PORTS)] |= VXLAN_ROLE
    roles[GTP_PORT] |= GTP_ROLE
    roles[list(KEPT_TUNNEL_PORTS)] |= TUNNEL_ROLE
    return roles
