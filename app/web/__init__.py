"""Web pages, by noun."""

from fastapi import APIRouter

from app.web import api, cases, charts, handover, login, operations, sources, terminals, uploads

# Uploads first: `/cases/new` must not be read as the case named "new".
routers: tuple[APIRouter, ...] = (
    uploads.router,
    cases.router,
    terminals.router,
    charts.router,
    sources.router,
    handover.router,
    operations.router,
    api.router,
    login.router,
)
