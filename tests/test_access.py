"""Decisions about people and cases, as values."""

from __future__ import annotations

import pytest

from app.access import NOBODY, ROLES, SCOPES, CaseOwner, Need, Principal, Role, Scope, sees

OWN, OTHER = CaseOwner(7, owner_id=1, group_id=10), CaseOwner(8, owner_id=2, group_id=20)


def test_each_role_may_all_that_the_one_below_may() -> None:
    assert ROLES[Role.OPS] < ROLES[Role.SUPPORT] < ROLES[Role.ADMIN]


def test_somebody_in_ops_sees_the_cases_of_the_own_group_and_the_own_ones() -> None:
    person = Principal("li", 3, Role.OPS, group_id=10)
    assert sees(person, OWN) and not sees(person, OTHER)
    assert sees(Principal("wu", 2, Role.OPS, group_id=10), OTHER)


def test_no_group_is_not_a_group() -> None:
    assert not sees(Principal("li", 3, Role.OPS), CaseOwner(9, None, None))
    assert not sees(Principal("", None, Role.OPS), CaseOwner(9, None, None))


@pytest.mark.parametrize("role", [Role.SUPPORT, Role.ADMIN])
def test_support_and_administrators_see_every_case(role: Role) -> None:
    assert sees(Principal("x", 3, role), OTHER) and sees(Principal("x", 3, role), CaseOwner(9, None, None))


def test_a_guest_sees_one_case_and_changes_nothing() -> None:
    guest = Principal("guest 1", shared_case=7)
    assert sees(guest, OWN) and not sees(guest, OTHER)
    assert {need for need in Need if guest.may(need)} == {Need.OPEN, Need.SEE}


def test_nobody_may_nothing_and_sees_nothing() -> None:
    assert {need for need in Need if NOBODY.may(need)} == {Need.OPEN}
    assert not sees(NOBODY, OWN)


@pytest.mark.parametrize("scope", list(Scope))
def test_a_token_is_good_for_its_scope_and_never_for_more_than_its_owners_role(scope: Scope) -> None:
    held = Principal("li", 3, Role.OPS, scopes=frozenset({scope}))
    allowed = {need for need in Need if held.may(need)} - {Need.OPEN, Need.KNOWN}
    assert allowed == SCOPES[scope] & ROLES[Role.OPS]


def test_no_token_reaches_the_account_itself() -> None:
    assert not Principal("a", 1, Role.ADMIN, scopes=frozenset(Scope)).may(Need.ACCOUNT)
