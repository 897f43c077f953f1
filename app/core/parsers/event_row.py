"""How an event is packed: the columns of a row, one after the other without gaps."""

from __future__ import annotations

from struct import Struct

import numpy as np

from app.core.records import Direction, EventKind

NONE = 0xFFFF_FFFF  # no number, no id
NO_CODE = -0x8000_0000

KINDS = tuple(EventKind)
KIND_NUMBERS = {kind: number for number, kind in enumerate(KINDS)}
DIRECTIONS: tuple[Direction | None, ...] = (None, Direction.TO_SERVER, Direction.TO_CLIENT)
DIRECTION_NUMBERS: dict[Direction | None, int] = {direction: number for number, direction in enumerate(DIRECTIONS)}

TURNED = [
    DIRECTION_NUMBERS[turned] for turned in (None, Direction.TO_CLIENT, Direction.TO_SERVER)
]  # by the number of what it was

COLUMNS = "qqIIIIIIIIIIiBBQIIIi"
ROW = Struct("<" + COLUMNS)
(TIME, START, LINE, SIZE, RESOLUTION, NUMBER, MESSAGE_ID, HEAD_ID, WIRE,
 TEXT, THREAD, PEER, CODE, KIND, DIRECTION, DIGEST, USER, MAC, EVENT, SHAPE) = range(len(COLUMNS))  # fmt: skip
OFFSETS = [Struct("<" + COLUMNS[:at]).size for at in range(len(COLUMNS))]
CELLS = [Struct("<" + code) for code in COLUMNS]
BODY_CELLS = Struct("<" + COLUMNS[DIGEST : SHAPE + 1])
SAID_CELLS = Struct("<" + COLUMNS[RESOLUTION : DIRECTION + 1])
BEGINNING_CELLS = Struct("<" + COLUMNS[TIME : NUMBER + 1])
NUMBER_CELLS = Struct("<" + COLUMNS[NUMBER : MESSAGE_ID + 1])
ID_CELLS = Struct("<" + COLUMNS[NUMBER : HEAD_ID + 1])
PLACE_CELLS = Struct("<" + COLUMNS[START : SIZE + 1])
ROW_BYTES = ROW.size
PACKED = np.dtype([(str(at), {"q": "<i8", "Q": "<u8", "I": "<u4", "i": "<i4", "B": "u1"}[code])
                    for at, code in enumerate(COLUMNS)])  # fmt: skip
WHERE = np.dtype([PACKED.descr[at] for at in range(TIME, SIZE + 1)])  # a row begins with them
NO_BODY = BODY_CELLS.pack(0, 0, 0, 0, -1)  # and ends with those of its body
BODY_SIGN = ROW_BYTES - 1  # the byte of a row that is above 127 if it has no body
