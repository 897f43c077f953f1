"""What each person may keep: counted from whole and arriving files, told with what is used and left."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy.orm import Session

from app import partial_uploads
from app.access import Principal, Role
from app.accounts.people import add_user
from app.db import bundle_queries, case_queries, site
from app.db.models import PartialUpload
from app.db.quota import quota_of, require_room
from app.errors import TooLarge


@pytest.fixture
def person(session: Session) -> Iterator[Principal]:
    user = add_user(session, "quota", Role.OPS, None, None)
    yield Principal("quota", user.id, Role.OPS)


def test_nobody_is_limited_until_an_administrator_says_so(session: Session, person: Principal) -> None:
    assert quota_of(session, person.user_id) is None
    require_room(session, person.user_id, 10**15)


def test_whole_and_arriving_files_count_and_those_of_others_do_not(session: Session, person: Principal) -> None:
    site.set_quota_bytes(session, 1000)
    case = case_queries.add_case(session, "x", "en", person)
    bundle = bundle_queries.add_bundle(session, case.id)
    bundle_queries.add_upload(session, bundle.id, "mine", "1" * 64, 300, person.user_id)
    bundle_queries.add_upload(session, bundle.id, "another's", "2" * 64, 5000)
    arriving = PartialUpload(id="a" * 32, case_id=case.id, path="f", size_bytes=200, user_id=person.user_id)
    partial_uploads.begin(session, arriving)
    quota = quota_of(session, person.user_id)
    assert quota is not None and (quota.used, quota.left) == (500, 500)
    require_room(session, person.user_id, 500)
    with pytest.raises(TooLarge) as caught:
        require_room(session, person.user_id, 501)
    assert "500 B are used and 500 B are left" in caught.value.text.en and "剩余 500 B" in caught.value.text.zh


def test_beginning_the_same_upload_again_counts_once(session: Session, person: Principal) -> None:
    site.set_quota_bytes(session, 1000)
    case = case_queries.add_case(session, "x", "en", person)
    for _ in range(2):
        again = PartialUpload(id="b" * 32, case_id=case.id, path="f", size_bytes=900, user_id=person.user_id)
        partial_uploads.begin(session, again)
        session.expunge_all()
