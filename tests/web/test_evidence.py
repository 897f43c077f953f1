"""What the drawer shows of one frame."""

from __future__ import annotations

from app.captures.frame_details import DissectedField
from app.web.evidence import Field, _flat, _numbered, hex_rows


def test_a_frame_is_called_by_its_number_in_the_file() -> None:
    assert _numbered("Frame 1: 77 bytes on wire (616 bits)", 15) == "Frame 15: 77 bytes on wire (616 bits)"
    fields = (DissectedField("frame.number", "Frame Number: 1", "1"), DissectedField("ip.ttl", "Time to Live: 1", "1"))
    assert [field.text for field in _flat(fields, 15)] == ["Frame Number: 15", "Time to Live: 1"]


def test_fields_keep_their_depth() -> None:
    more = DissectedField("ip.flags.mf", "More fragments: Set", "1")
    tree = (DissectedField("ip.flags", "Flags: 0x1", "1", (more,)),)
    assert list(_flat(tree, 1)) == [Field("Flags: 0x1", 0), Field("More fragments: Set", 1)]


def test_a_dump_has_offsets_bytes_in_two_groups_and_what_can_be_printed() -> None:
    rows = list(hex_rows(bytes(range(60, 80))))
    assert [row.offset for row in rows] == ["0000", "0010"]
    assert rows[0].hex == "3c 3d 3e 3f 40 41 42 43  44 45 46 47 48 49 4a 4b"
    assert rows[0].text == "<=>?@ABCDEFGHIJK"
