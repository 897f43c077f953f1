"""OpenID Connect: the code flow with PKCE, state and nonce, and what the provider's claims mean for an account."""

from __future__ import annotations

import secrets
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access import Role
from app.accounts.people import find_user, group_named
from app.config import Settings
from app.core.records import Text
from app.db.accounts import User
from app.errors import Forbidden, Unavailable

with warnings.catch_warnings():
    # It would rather have another HTTP client than the one that everything here uses, and says so on standard error.
    import authlib.deprecate  # it sets a filter of its own, which the next line must come after

    assert authlib.deprecate
    warnings.simplefilter("ignore")
    from authlib.integrations.base_client.errors import OAuthError
    from authlib.integrations.httpx_client import OAuth2Client

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]  # never "none", never a shared secret
KEPT_S = 3600
WAIT_S = 10.0
LEEWAY_S = 60

NOT_CONFIRMED = Text("The identity provider did not confirm the sign-in. Try again.", "身份提供方未确认登录，请重试。")
NO_ROLE = Text(
    "The identity provider knows you, but gives you no role here. Ask an administrator.",
    "身份提供方已确认您的身份，但您在此系统中没有角色，请联系管理员。",
)
AWAY = Text("The identity provider does not answer. Try again later.", "身份提供方没有响应，请稍后重试。")


@dataclass(frozen=True, slots=True)
class Flow:
    """One sign-in under way; it stays in the browser that began it, signed."""

    state: str
    nonce: str
    verifier: str
    to: str


def new_flow(to: str) -> Flow:
    return Flow(secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48), to)


class Provider:
    """The provider that the settings name; its description and keys are read when they are first needed."""

    def __init__(self, options: Settings) -> None:
        self._options = options
        self._lock = Lock()
        self._found: tuple[float, dict[str, Any], KeySet] | None = None

    def address(self, flow: Flow, callback: str) -> str:
        """Where the browser is sent. Raises Unavailable."""
        about, _keys = self._describe()
        with self._client(callback) as client:
            address, _state = client.create_authorization_url(
                about["authorization_endpoint"], state=flow.state, nonce=flow.nonce, code_verifier=flow.verifier
            )
        return str(address)

    def claims(self, flow: Flow, callback: str, answered: str) -> Mapping[str, Any]:
        """Who came back with `answered`, the address of the callback. Raises Forbidden, Unavailable."""
        about, keys = self._describe()
        try:
            with self._client(callback) as client:
                token = client.fetch_token(
                    about["token_endpoint"], authorization_response=answered, state=flow.state,
                    code_verifier=flow.verifier,
                )  # fmt: skip
            told = jwt.decode(token["id_token"], keys, algorithms=ALGORITHMS).claims
            registry = jwt.JWTClaimsRegistry(
                leeway=LEEWAY_S,
                iss={"essential": True, "value": str(self._options.openid_issuer)},
                aud={"essential": True, "value": self._options.openid_client_id},
                nonce={"essential": True, "value": flow.nonce},
                sub={"essential": True},
                exp={"essential": True},
            )
            registry.validate(told)
            return {**self._more(about, token["access_token"], told["sub"]), **told}
        except (OAuthError, JoseError, KeyError, ValueError) as error:
            raise Forbidden(NOT_CONFIRMED) from error
        except httpx.HTTPError as error:
            raise Unavailable(AWAY) from error

    def _more(self, about: Mapping[str, Any], access_token: str, subject: str) -> dict[str, Any]:
        """Claims that the provider keeps out of the token; only of the same person."""
        if "userinfo_endpoint" not in about:
            return {}
        header = {"Authorization": f"Bearer {access_token}"}
        answer = httpx.get(about["userinfo_endpoint"], headers=header, timeout=WAIT_S)
        answer.raise_for_status()
        told: dict[str, Any] = answer.json()
        return told if told.get("sub") == subject else {}

    def _client(self, callback: str) -> OAuth2Client:
        secret = self._options.openid_client_secret
        return OAuth2Client(
            self._options.openid_client_id,
            secret.get_secret_value() if secret else None,
            scope=self._options.openid_scopes,
            redirect_uri=callback,
            code_challenge_method="S256",
            token_endpoint_auth_method="client_secret_basic" if secret else "none",
            timeout=WAIT_S,
        )

    def _describe(self) -> tuple[dict[str, Any], KeySet]:
        with self._lock:
            if self._found is None or time.monotonic() - self._found[0] > KEPT_S:
                self._found = (time.monotonic(), *self._read())
            return self._found[1], self._found[2]

    def _read(self) -> tuple[dict[str, Any], KeySet]:
        issuer = str(self._options.openid_issuer)
        try:
            place = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
            about = httpx.get(place, timeout=WAIT_S).raise_for_status().json()
            if about["issuer"] != issuer:
                raise ValueError("it calls itself otherwise")
            keys = httpx.get(about["jwks_uri"], timeout=WAIT_S).raise_for_status().json()
            return about, KeySet.import_key_set(keys)
        except (httpx.HTTPError, JoseError, KeyError, ValueError) as error:
            raise Unavailable(AWAY) from error


def account_of(db: Session, options: Settings, claims: Mapping[str, Any]) -> User:
    """The account of these claims, made at the first sign-in; role and group follow the claims at every one.

    Raises Forbidden for somebody without a role.
    """
    role = role_of(options, claims)
    if role is None:
        raise Forbidden(NO_ROLE)
    issuer, subject = str(options.openid_issuer), str(claims["sub"])
    user = db.scalar(select(User).where(User.issuer == issuer, User.subject == subject))
    if user is None:
        user = User(name=_free_name(db, options, claims), role=role, issuer=issuer, subject=subject)
        db.add(user)
    if user.is_disabled:
        raise Forbidden(NO_ROLE)
    user.role = role
    if options.openid_group_claim:
        group = _words(claims.get(options.openid_group_claim))
        user.group_id = group_named(db, group[0]).id if group else None
    db.flush()
    return user


def role_of(options: Settings, claims: Mapping[str, Any]) -> Role | None:
    """The highest role that one of the person's groups gives; else the one that everybody has, if any."""
    has = set(_words(claims.get(options.openid_roles_claim)))
    given = (
        (Role.ADMIN, options.openid_admins), (Role.SUPPORT, options.openid_support), (Role.OPS, options.openid_ops)
    )  # fmt: skip
    for role, names in given:
        if has & set(names):
            return role
    return options.openid_default_role


def _words(value: object) -> list[str]:
    if isinstance(value, str):
        return [value] if value.strip() else []
    return [item for item in value if isinstance(item, str) and item.strip()] if isinstance(value, list) else []


def _free_name(db: Session, options: Settings, claims: Mapping[str, Any]) -> str:
    """A name that no other account has: somebody's word for the own name takes over nobody's account."""
    wanted = str(claims.get(options.openid_name_claim) or claims.get("email") or claims["sub"]).strip().lower()[:64]
    if find_user(db, wanted) is None:
        return wanted
    return f"{wanted}@{urlsplit(str(options.openid_issuer)).hostname}-{secrets.token_hex(3)}"
