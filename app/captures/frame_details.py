"""The full dissection of one frame: tshark's XML, read with pyshark's fields, nested as Wireshark nests them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lxml import etree  # type: ignore[import-untyped]
from pyshark.packet.fields import LayerField

from app.captures.tshark import run_tshark, tshark_argv
from app.core.records import Text
from app.sandbox import MIB, ToolLimits
from app.tools import ToolError

LIMITS = ToolLimits(seconds=30, cpu_seconds=30, memory_bytes=2048 * MIB)
HIDDEN_LAYERS = frozenset({"geninfo"})  # repeats the frame's own layer


@dataclass(frozen=True, slots=True)
class DissectedField:
    """One line of the dissection: `name` as in display filters (may be empty), `showname` the line as Wireshark writes
    it, `value` what a display filter compares; below it its parts."""

    name: str
    showname: str
    value: str
    fields: tuple[DissectedField, ...] = ()


@dataclass(frozen=True, slots=True)
class DissectedLayer:
    name: str
    showname: str
    fields: tuple[DissectedField, ...]


def dissect(octets: bytes) -> tuple[DissectedLayer, ...]:
    """Layers of the one frame of a capture that is given as bytes, outermost first. Raises ToolError."""
    output = run_tshark(tshark_argv("-r", "-", "-T", "pdml"), LIMITS, octets)
    parser = etree.XMLParser(resolve_entities=False, no_network=True, recover=True, huge_tree=True)
    document = etree.fromstring(output, parser)
    packet = None if document is None else document.find("packet")
    if packet is None:
        raise ToolError(Text("tshark gave no dissection of the frame", "tshark 未给出该帧的解析结果"))
    layers = (layer for layer in packet.iterfind("proto") if layer.get("name") not in HIDDEN_LAYERS)
    return tuple(_layer(layer) for layer in layers)


def _layer(element: Any) -> DissectedLayer:
    name = element.get("name") or ""
    if name == "fake-field-wrapper":  # what tshark calls bytes that nobody claimed
        name = "data"
    return DissectedLayer(name, element.get("showname") or name, _fields(element))


def _fields(element: Any) -> tuple[DissectedField, ...]:
    found = []
    for child in element:
        if child.tag not in ("field", "proto"):
            continue
        field = LayerField(
            **{key: child.get(key) for key in ("name", "showname", "value", "show", "hide") if child.get(key)}
        )
        if field.hide:
            continue
        text = field.showname or field.show or ""
        found.append(DissectedField(field.name or "", str(text), str(field.show or ""), _fields(child)))
    return tuple(found)
