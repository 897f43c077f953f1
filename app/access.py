"""Who may what: the one table that every request is held against, and the test that walks all routes as well.

Pure: roles, scopes and needs are names, a decision is a function of values. A route that is not in ROUTES is closed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    OPS = "ops"  # uploads; sees the cases of the own group
    SUPPORT = "support"  # sees all cases; writes notes and states
    ADMIN = "admin"  # and accounts, retention, audit


class Scope(StrEnum):
    """What a token is good for: never more than the role of its owner."""

    READ = "read"
    UPLOAD = "upload"
    EXPORT = "export"
    EDIT = "edit"
    ADMIN = "admin"


class Need(StrEnum):
    """What a route asks of whoever calls it. The second half is about one case."""

    OPEN = "open"  # nothing
    KNOWN = "known"  # somebody with an account
    ACCOUNT = "account"  # the own account: a person in a browser, no token
    LIST = "list"
    CREATE = "create"
    ADMIN = "admin"

    SEE = "see"
    UPLOAD = "upload"  # files, how they are read, when they are analysed
    EXPORT = "export"  # reports and packets that leave the house
    EDIT = "edit"  # notes, states, causes
    SHARE = "share"
    DELETE = "delete"


ABOUT_A_CASE = frozenset({Need.SEE, Need.UPLOAD, Need.EXPORT, Need.EDIT, Need.SHARE, Need.DELETE})

_OPS = frozenset({Need.KNOWN, Need.ACCOUNT, Need.LIST, Need.CREATE, Need.SEE, Need.UPLOAD, Need.EXPORT})
_SUPPORT = _OPS | {Need.EDIT, Need.SHARE}
ROLES: dict[Role, frozenset[Need]] = {
    Role.OPS: _OPS,
    Role.SUPPORT: _SUPPORT,
    Role.ADMIN: _SUPPORT | {Need.ADMIN, Need.DELETE},
}
SCOPES: dict[Scope, frozenset[Need]] = {
    Scope.READ: frozenset({Need.LIST, Need.SEE}),
    Scope.UPLOAD: frozenset({Need.CREATE, Need.UPLOAD}),
    Scope.EXPORT: frozenset({Need.EXPORT}),
    Scope.EDIT: frozenset({Need.EDIT, Need.SHARE}),
    Scope.ADMIN: frozenset({Need.ADMIN, Need.DELETE}),
}
SEES_ALL = frozenset({Role.SUPPORT, Role.ADMIN})


@dataclass(frozen=True, slots=True)
class Principal:
    """Whoever a request is answered for: a person, a token of a person, a guest of one case, or nobody.

    `name` also keeps idempotency keys of different people apart. `scopes` is None for a person in a browser.
    `group_id` and `shared_case` are row numbers.
    """

    name: str = ""
    user_id: int | None = None
    role: Role | None = None
    group_id: int | None = None
    scopes: frozenset[Scope] | None = None
    shared_case: int | None = None  # a guest's one case
    session_id: int | None = None
    csrf: str = ""  # what a change by a browser must repeat

    @property
    def is_nobody(self) -> bool:
        return self.role is None and self.shared_case is None

    @property
    def is_guest(self) -> bool:
        return self.role is None and self.shared_case is not None

    @property
    def sees_all(self) -> bool:
        return self.role in SEES_ALL

    def may(self, need: Need | str) -> bool:
        """Whether `need` is allowed at all, leaving open of which case."""
        need = Need(need)
        if need is Need.OPEN:
            return True
        if self.role is None:
            return self.shared_case is not None and need is Need.SEE
        if need not in ROLES[self.role]:
            return False
        if self.scopes is None or need is Need.KNOWN:
            return True
        return any(need in SCOPES[scope] for scope in self.scopes)


NOBODY = Principal()


@dataclass(frozen=True, slots=True)
class CaseOwner:
    """To whom a case belongs; one without group is seen by its owner and by those who see all."""

    case_id: int
    owner_id: int | None
    group_id: int | None


def sees(principal: Principal, case: CaseOwner) -> bool:
    """Whether the case exists for this principal at all."""
    if principal.role is None:
        return principal.shared_case == case.case_id
    if principal.sees_all:
        return True
    is_own = principal.user_id is not None and principal.user_id == case.owner_id
    return is_own or (principal.group_id is not None and principal.group_id == case.group_id)


# Method and path as the router knows it → what it needs. Sorted by path; a new route gets its line here.
ROUTES: dict[str, Need] = {
    "GET /": Need.LIST,
    "GET /account": Need.ACCOUNT,
    "POST /account/password": Need.ACCOUNT,
    "POST /account/sessions/end": Need.ACCOUNT,
    "POST /account/sessions/{session_id}/end": Need.ACCOUNT,
    "POST /account/tokens": Need.ACCOUNT,
    "POST /account/tokens/{token_id}/revoke": Need.ACCOUNT,
    "GET /admin/accounts": Need.ADMIN,
    "POST /admin/accounts": Need.ADMIN,
    "POST /admin/accounts/{user_id}": Need.ADMIN,
    "POST /admin/accounts/{user_id}/password": Need.ADMIN,
    "POST /admin/analyses/{analysis_id}/cancel": Need.ADMIN,
    "POST /admin/analyses/{analysis_id}/retry": Need.ADMIN,
    "GET /admin/audit": Need.ADMIN,
    "POST /admin/groups/{group_id}/delete": Need.ADMIN,
    "GET /admin/operations": Need.ADMIN,
    "GET /admin/keeping": Need.ADMIN,
    "POST /admin/keeping/settings": Need.ADMIN,
    "POST /admin/keeping/holds": Need.ADMIN,
    "POST /admin/keeping/holds/{case_id}/end": Need.ADMIN,
    "GET /cases": Need.LIST,
    "POST /cases": Need.CREATE,
    "GET /cases/new": Need.CREATE,
    "GET /cases/{case_id}": Need.SEE,
    "POST /cases/{case_id}/analysis": Need.UPLOAD,
    "POST /cases/{case_id}/analysis/cancel": Need.UPLOAD,
    "GET /cases/{case_id}/anonymisation-map": Need.EXPORT,
    "POST /cases/{case_id}/bundles": Need.UPLOAD,
    "POST /cases/{case_id}/bundles/{bundle_id}/analysis": Need.UPLOAD,
    "POST /cases/{case_id}/cancel": Need.UPLOAD,  # takes a case away only where nothing of it has come to stay
    "GET /cases/{case_id}/charts/day": Need.SEE,
    "GET /cases/{case_id}/charts/size": Need.SEE,
    "GET /cases/{case_id}/compare": Need.SEE,
    "GET /cases/{case_id}/documents": Need.EXPORT,
    "POST /cases/{case_id}/documents": Need.EXPORT,
    "GET /cases/{case_id}/documents/{document_id}/content": Need.EXPORT,
    "POST /cases/{case_id}/documents/{document_id}/delete": Need.EXPORT,
    "GET /cases/{case_id}/files": Need.UPLOAD,
    "POST /cases/{case_id}/files": Need.UPLOAD,
    "POST /cases/{case_id}/findings/{code}": Need.EDIT,
    "GET /cases/{case_id}/formats": Need.UPLOAD,
    "POST /cases/{case_id}/formats": Need.UPLOAD,
    "POST /cases/{case_id}/formats/preview": Need.UPLOAD,
    "POST /cases/{case_id}/points": Need.UPLOAD,
    "GET /cases/{case_id}/progress": Need.SEE,
    "GET /cases/{case_id}/sharing": Need.SHARE,
    "POST /cases/{case_id}/sharing/group": Need.SHARE,
    "POST /cases/{case_id}/sharing/links": Need.SHARE,
    "POST /cases/{case_id}/sharing/links/{link_id}/revoke": Need.SHARE,
    "GET /cases/{case_id}/sources/{sha256}": Need.SEE,
    "POST /cases/{case_id}/sources/{sha256}": Need.UPLOAD,
    "POST /cases/{case_id}/sources/{sha256}/clock/clear": Need.UPLOAD,
    "POST /cases/{case_id}/sources/{sha256}/pair": Need.UPLOAD,
    "POST /cases/{case_id}/state": Need.EDIT,
    "GET /cases/{case_id}/terminals/{key}": Need.SEE,
    "GET /cases/{case_id}/terminals/{key}/ladder.json": Need.SEE,
    "GET /cases/{case_id}/terminals/{key}/ladder.svg": Need.SEE,
    "POST /cases/{case_id}/title": Need.UPLOAD,
    "POST /filters": Need.LIST,
    "POST /filters/{filter_id}/delete": Need.LIST,
    "GET /healthz": Need.OPEN,
    "GET /login": Need.OPEN,
    "POST /login": Need.OPEN,
    "GET /login/openid": Need.OPEN,
    "GET /login/openid/callback": Need.OPEN,
    "POST /logout": Need.ACCOUNT,
    "GET /metrics": Need.OPEN,  # numbers, without a name; a proxy in front does not hand it on
    "GET /open/{token}": Need.OPEN,
    "GET /readyz": Need.OPEN,
    "GET /shared/{token}": Need.OPEN,
    "GET /api/v1/accounts": Need.ADMIN,
    "POST /api/v1/accounts": Need.ADMIN,
    "GET /api/v1/accounts/{user_id}": Need.ADMIN,
    "PATCH /api/v1/accounts/{user_id}": Need.ADMIN,
    "POST /api/v1/accounts/{user_id}/link": Need.ADMIN,
    "GET /api/v1/audit": Need.ADMIN,
    "GET /api/v1/cases": Need.LIST,
    "POST /api/v1/cases": Need.CREATE,
    "GET /api/v1/cases/{case_id}": Need.SEE,
    "PATCH /api/v1/cases/{case_id}": Need.EDIT,
    "DELETE /api/v1/cases/{case_id}": Need.DELETE,
    "GET /api/v1/cases/{case_id}/analysis": Need.SEE,
    "POST /api/v1/cases/{case_id}/analysis": Need.UPLOAD,
    "DELETE /api/v1/cases/{case_id}/analysis": Need.UPLOAD,
    "GET /api/v1/cases/{case_id}/anonymisation-map": Need.EXPORT,
    "POST /api/v1/cases/{case_id}/cancel": Need.UPLOAD,
    "GET /api/v1/cases/{case_id}/comparison": Need.SEE,
    "GET /api/v1/cases/{case_id}/documents": Need.EXPORT,
    "GET /api/v1/cases/{case_id}/documents/{document_id}": Need.EXPORT,
    "DELETE /api/v1/cases/{case_id}/documents/{document_id}": Need.EXPORT,
    "GET /api/v1/cases/{case_id}/documents/{document_id}/content": Need.EXPORT,
    "POST /api/v1/cases/{case_id}/evidence": Need.EXPORT,
    "PUT /api/v1/cases/{case_id}/files": Need.UPLOAD,
    "GET /api/v1/cases/{case_id}/findings": Need.SEE,
    "PUT /api/v1/cases/{case_id}/findings/{code}": Need.EDIT,
    "GET /api/v1/cases/{case_id}/formats": Need.UPLOAD,
    "POST /api/v1/cases/{case_id}/formats/check": Need.UPLOAD,
    "PUT /api/v1/cases/{case_id}/formats/{name}": Need.UPLOAD,
    "DELETE /api/v1/cases/{case_id}/formats/{name}": Need.UPLOAD,
    "PUT /api/v1/cases/{case_id}/hold": Need.ADMIN,
    "DELETE /api/v1/cases/{case_id}/hold": Need.ADMIN,
    "GET /api/v1/cases/{case_id}/points": Need.SEE,
    "PUT /api/v1/cases/{case_id}/points": Need.UPLOAD,
    "POST /api/v1/cases/{case_id}/report": Need.EXPORT,
    "GET /api/v1/cases/{case_id}/sharing": Need.SHARE,
    "PUT /api/v1/cases/{case_id}/sharing/group": Need.SHARE,
    "POST /api/v1/cases/{case_id}/sharing/links": Need.SHARE,
    "DELETE /api/v1/cases/{case_id}/sharing/links/{link_id}": Need.SHARE,
    "GET /api/v1/cases/{case_id}/sources": Need.SEE,
    "GET /api/v1/cases/{case_id}/sources/{sha256}": Need.SEE,
    "PATCH /api/v1/cases/{case_id}/sources/{sha256}": Need.UPLOAD,
    "GET /api/v1/cases/{case_id}/sources/{sha256}/frames/{frame}": Need.SEE,
    "GET /api/v1/cases/{case_id}/sources/{sha256}/lines/{line}": Need.SEE,
    "POST /api/v1/cases/{case_id}/sources/{sha256}/pair": Need.UPLOAD,
    "GET /api/v1/cases/{case_id}/terminals": Need.SEE,
    "GET /api/v1/cases/{case_id}/terminals/{key}": Need.SEE,
    "PUT /api/v1/cases/{case_id}/title": Need.UPLOAD,
    "OPTIONS /api/v1/cases/{case_id}/uploads": Need.UPLOAD,
    "POST /api/v1/cases/{case_id}/uploads": Need.UPLOAD,
    "GET /api/v1/cases/{case_id}/verdict": Need.SEE,
    "GET /api/v1/filters": Need.LIST,
    "POST /api/v1/filters": Need.LIST,
    "DELETE /api/v1/filters/{filter_id}": Need.LIST,
    "GET /api/v1/groups": Need.ADMIN,
    "DELETE /api/v1/groups/{group_id}": Need.ADMIN,
    "GET /api/v1/keeping": Need.ADMIN,
    "PUT /api/v1/keeping": Need.ADMIN,
    "GET /api/v1/openapi.json": Need.KNOWN,
    "HEAD /api/v1/uploads/{upload_id}": Need.UPLOAD,
    "PATCH /api/v1/uploads/{upload_id}": Need.UPLOAD,
    "DELETE /api/v1/uploads/{upload_id}": Need.UPLOAD,
    "GET /api/v1/operations": Need.ADMIN,
    "GET /api/v1/webhooks": Need.ADMIN,
    "POST /api/v1/webhooks": Need.ADMIN,
    "DELETE /api/v1/webhooks/{webhook_id}": Need.ADMIN,
    "GET /api/v1/webhooks/{webhook_id}/deliveries": Need.ADMIN,
}
