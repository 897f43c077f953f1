"""Settings, read once from the environment; nothing else in the product reads environment variables."""

from __future__ import annotations

from functools import cache
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.access import Role

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = ROOT / "templates"
STATIC = ROOT / "static"
MIGRATIONS = ROOT / "migrations"

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
MIB = 1024 * 1024
GIB = 1024 * MIB


class Settings(BaseSettings):
    """What an operator can set. Variables are `EADSCOPE_` and the name in capitals, except `DATABASE_URL` and
    `STORAGE_URL`."""

    model_config = SettingsConfigDict(env_prefix="EADSCOPE_", frozen=True, extra="ignore")

    # None: `eadscope serve` starts its own PostgreSQL in `var`.
    database_url: str | None = Field(default=None, validation_alias="DATABASE_URL")
    var: Path = ROOT / "var"
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    workers: int = Field(default=1, ge=0, le=64)  # worker processes that `serve` starts
    example: bool = True  # load the example case on the first start
    log_format: Literal["text", "json"] = "text"
    log_level: Literal["debug", "info", "warning", "error"] = "warning"  # "info": a line for each request and analysis

    # None: files lie in `var`; else s3://BUCKET/PREFIX?endpoint=…&region=…, with keys in AWS_… variables.
    storage_url: str | None = Field(default=None, validation_alias="STORAGE_URL")
    cache_bytes: int = Field(default=20 * GIB, gt=0)  # local copies of what lies in an object store

    # Accounts. Without a secret one is made in `var`; bound to other than this machine, it must be given.
    secret: SecretStr | None = Field(default=None, min_length=32)
    session_idle_s: int = Field(default=2 * 3600, gt=0)
    session_life_s: int = Field(default=12 * 3600, gt=0)
    # Whoever may make roles in the database, for `eadscope migrate` alone: it puts the audit trail out of reach of the
    # role of DATABASE_URL.
    owner_url: str | None = None
    public_url: str | None = None  # how people reach it, where that is not the address that it is bound to

    # OpenID Connect; on where an issuer is named. Lists are JSON: EADSCOPE_OPENID_ADMINS='["eadscope-admins"]'.
    openid_issuer: str | None = None
    openid_client_id: str = ""
    openid_client_secret: SecretStr | None = None  # none: a public client, which PKCE alone protects
    openid_scopes: str = "openid profile email"
    openid_name: str = "OpenID Connect"  # on the button
    openid_name_claim: str = "preferred_username"
    openid_roles_claim: str = "groups"
    openid_admins: tuple[str, ...] = ()
    openid_support: tuple[str, ...] = ()
    openid_ops: tuple[str, ...] = ()
    openid_default_role: Role | None = None  # of whoever is in none of these; none: not let in
    openid_group_claim: str = ""  # its first value is the group whose cases they see

    # Intake: what one upload may unpack to.
    max_upload_bytes: int = Field(default=20 * GIB, gt=0)
    max_unpacked_bytes: int = Field(default=40 * GIB, gt=0)
    max_files: int = Field(default=20_000, gt=0)

    # Jobs: a worker that has not been heard of for `stalled_after_s` is taken for dead, and its jobs start again.
    heartbeat_s: float = Field(default=3.0, gt=0)
    stalled_after_s: float = Field(default=15.0, gt=0)
    alive_file: Path | None = None  # touched by a worker at every heartbeat, for a health check
    max_tries: int = Field(default=3, ge=1)

    # Webhooks: the first pause before another try, and private networks that they may reach, as '["10.0.0.0/8"]'.
    webhook_retry_s: float = Field(default=10.0, gt=0)
    webhook_networks: tuple[IPv4Network | IPv6Network, ...] = ()

    @property
    def is_loopback(self) -> bool:
        """Only this machine can connect."""
        return self.host in LOOPBACK

    @property
    def storage(self) -> Path:
        return self.var / "storage"

    @field_validator("storage_url", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        """Compose files hand over variables that are not set as empty ones."""
        return value or None

    @property
    def cache(self) -> Path:
        return self.var / "cache"

    @property
    def formats(self) -> Path:
        """Server-log formats that this installation added to the ones it came with."""
        return self.var / "formats"

    @property
    def scratch(self) -> Path:
        """Work space on the same file system as the storage, so that a finished file can be renamed into it."""
        return self.var / "scratch"


@cache
def settings() -> Settings:
    """The settings of this process."""
    return Settings()
