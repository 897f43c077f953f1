"""Who speaks: found out by `app.web.guard`, for pages and API alike."""

from app.access import Principal
from app.web.guard import CurrentPrincipal

__all__ = ["CurrentPrincipal", "Principal"]
