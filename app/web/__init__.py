"""Web pages, by noun."""

from fastapi import APIRouter

from app.web import (
    account,
    api,
    cases,
    charts,
    handover,
    judgements,
    keeping,
    login,
    openid,
    operations,
    people,
    sharing,
    sources,
    terminals,
    uploads,
)

# Uploads first: `/cases/new` must not be read as the case named "new".
routers: tuple[APIRouter, ...] = (
    uploads.router,
    cases.router,
    terminals.router,
    judgements.router,
    charts.router,
    sources.router,
    handover.router,
    operations.router,
    keeping.router,
    api.router,
    login.router,
    openid.router,
    account.router,
    people.router,
    sharing.router,
)
