"""For administrators: accounts and groups. Passwords go in and never come out, neither do their hashes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app.access import Role
from app.accounts import audit
from app.accounts.entry import LINK_LIFE, add_login_link
from app.accounts.people import add_user, change_user, give_password, load_user
from app.core.records import Text
from app.db.accounts import Group, User
from app.db.models import Case
from app.db.pages import page_of
from app.db.session import DatabaseSession
from app.errors import NotFound, Rejected
from app.web.api.cases import link_pages
from app.web.api.principal import CurrentPrincipal
from app.web.api.problems import problems
from app.web.api.shapes import LARGEST_ID, GroupName, Listed, PageNumber, Words
from app.web.sharing import base_address

router = APIRouter(tags=["accounts"])
Number = Annotated[int, Path(ge=1, le=LARGEST_ID, examples=[1])]
Password = Annotated[str, Field(min_length=1, max_length=200, description="12 characters or more.")]


class NewAccount(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"name": "li", "role": "ops", "group": "Campus North"}}
    )

    name: str = Field(min_length=1, max_length=64, examples=["li"])
    role: Literal["ops", "support", "admin"] = "ops"
    group: GroupName | None = Field(default=None, description="Made where there is none of this name.")
    password: Password | None = Field(
        default=None, description="Without one it signs in by OpenID Connect or a one-time link only."
    )


class AccountChange(BaseModel):
    """Only what is given changes. A disabled account's browsers and tokens stop working at once."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"role": "support", "disabled": False}})

    role: Literal["ops", "support", "admin"] | None = None
    group: GroupName | None = Field(default=None, description="null takes it out of its group.")
    disabled: bool | None = None
    password: Password | None = None


class AccountState(BaseModel):
    id: int = Field(examples=[3])
    name: str = Field(examples=["li"])
    role: Literal["ops", "support", "admin"]
    group: str | None = Field(examples=["Campus North"])
    signs_in_by: Literal["password", "openid", "link"]
    disabled: bool
    created_at: datetime

    @classmethod
    def of(cls, user: User, group: str | None) -> AccountState:
        way = "openid" if user.issuer else "password" if user.password_hash else "link"
        return cls.model_validate(
            {
                "id": user.id, "name": user.name, "role": user.role, "group": group, "signs_in_by": way,
                "disabled": user.is_disabled, "created_at": user.created_at,
            }
        )  # fmt: skip


class OneTimeLink(BaseModel):
    """Signs one browser in, once. It is told in this answer only."""

    url: str = Field(examples=["https://eadscope.example.com/open/0IaHGxv2tXPrCk4CvPBZ2W9JXWdLrLUoBNbCkkGKJvM"])
    expires_at: datetime


class GroupState(BaseModel):
    id: int = Field(examples=[1])
    name: str = Field(examples=["Campus North"])
    accounts: int
    cases: int


class AuditEntry(BaseModel):
    id: int
    at: datetime
    actor: str = Field(examples=["li (token)"])
    action: str = Field(examples=["exported"])
    case: int | None
    subject: str


@router.get("/accounts", responses=problems())
def list_accounts(
    request: Request, response: Response, db: DatabaseSession, page: PageNumber = 1
) -> Listed[AccountState]:
    """Every account with its role, group and how it signs in."""
    rows = select(User, Group.name).outerjoin(Group, Group.id == User.group_id).order_by(User.name)
    found = page_of(db, rows, select(func.count()).select_from(User), page)
    link_pages(request, response, found.number, found.last)
    return Listed.of(found, [AccountState.of(user, group) for user, group in found.rows])


@router.post("/accounts", status_code=201, responses=problems(409))
def make_account(response: Response, db: DatabaseSession, wanted: NewAccount) -> AccountState:
    """Make an account; 409 where there is one of this name, so that asking twice makes one."""
    user = add_user(db, wanted.name, Role(wanted.role), wanted.password, wanted.group)
    response.headers["Location"] = f"/api/v1/accounts/{user.id}"
    return _state(db, user)


def _state(db: Session, user: User) -> AccountState:
    db.flush()
    db.refresh(user)
    group = db.get(Group, user.group_id) if user.group_id is not None else None
    return AccountState.of(user, group.name if group is not None else None)


@router.get("/accounts/{user_id}", responses=problems(404))
def get_account(db: DatabaseSession, user_id: Number) -> AccountState:
    return _state(db, load_user(db, user_id))


@router.patch("/accounts/{user_id}", responses=problems(404, 409))
def change_account(
    db: DatabaseSession, principal: CurrentPrincipal, user_id: Number, change: AccountChange
) -> AccountState:
    """Change role, group or password, or close the account. Nobody takes the own rights away: 409."""
    user, given = load_user(db, user_id), change.model_fields_set
    if not given:
        raise Rejected(Text("Nothing to change was given.", "没有给出要修改的内容。"))
    role = Role(change.role or user.role)
    is_disabled = user.is_disabled if change.disabled is None else change.disabled
    group = change.group if "group" in given else _state(db, user).group
    change_user(db, user, principal.user_id, role, group, is_disabled=is_disabled)
    if change.password is not None:
        give_password(db, user, change.password)
    return _state(db, user)


@router.post("/accounts/{user_id}/link", status_code=201, responses=problems(404, 409))
def make_one_time_link(request: Request, db: DatabaseSession, user_id: Number) -> OneTimeLink:
    """A link that signs a browser in as this account, once, within a day."""
    user = load_user(db, user_id)
    token = add_login_link(db, request.app.state.keys, user, "/cases")
    expires_at = datetime.now(UTC) + LINK_LIFE
    return OneTimeLink(url=f"{base_address(request)}/open/{token}", expires_at=expires_at)


@router.get("/groups", responses=problems())
def list_groups(request: Request, response: Response, db: DatabaseSession, page: PageNumber = 1) -> Listed[GroupState]:
    """The groups, with how many accounts and cases each has."""
    members = select(func.count()).where(User.group_id == Group.id).scalar_subquery()
    cases = select(func.count()).where(Case.group_id == Group.id).scalar_subquery()
    rows = select(Group, members, cases).order_by(Group.name)
    found = page_of(db, rows, select(func.count()).select_from(Group), page)
    link_pages(request, response, found.number, found.last)
    listed = [GroupState(id=one.id, name=one.name, accounts=people, cases=held) for one, people, held in found.rows]
    return Listed.of(found, listed)


@router.delete("/groups/{group_id}", status_code=204, responses=problems(404))
def forget_group(db: DatabaseSession, group_id: Number) -> None:
    """Its people stay; its cases are then seen by their owners and by those who see all."""
    if db.scalar(delete(Group).where(Group.id == group_id).returning(Group.id)) is None:
        raise NotFound(Text(f"There is no group {group_id}.", f"没有编号为 {group_id} 的用户组。"))


@router.get("/audit", responses=problems())
def audit_trail(
    request: Request,
    response: Response,
    db: DatabaseSession,
    before: Annotated[int | None, Query(ge=1, le=2**63 - 1, description="Entries older than this one.")] = None,
    actor: Annotated[Words, Query(description="Name of an account.")] = "",
    action: Annotated[Words, Query(examples=["exported"])] = "",
    case: Annotated[int | None, Query(ge=1, le=LARGEST_ID)] = None,
) -> list[AuditEntry]:
    """Who saw, uploaded, exported, changed and deleted what, newest first; `Link` leads to what is older."""
    entries = audit.list_entries(db, before, actor.strip(), action.strip(), case)
    if len(entries) == audit.PER_PAGE:
        url = request.url.include_query_params(before=entries[-1].id)
        response.headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
    return [
        AuditEntry(id=one.id, at=one.at, actor=one.actor, action=one.action, case=one.case_id, subject=one.subject)
        for one in entries
    ]
