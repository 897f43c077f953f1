from __future__ import annotations

from app.core import anomalies


def test_every_name_has_a_line_in_both_languages() -> None:
    names = {value for name, value in vars(anomalies).items() if name.isupper() and isinstance(value, str)}
    assert names == set(anomalies.ANOMALIES)
    for text in anomalies.ANOMALIES.values():
        assert text.en
        assert any("\u4e00" <= letter <= "\u9fff" for letter in text.zh)
