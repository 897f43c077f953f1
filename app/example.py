"""The example case that a new installation has: made by the project's own simulator, analysed like any other."""

from __future__ import annotations

import tempfile
from pathlib import Path

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.config import Settings
from app.db.models import Blob, Bundle, Case, Milestone, Upload
from app.db.revision import EXAMPLE_LOADED
from app.db.session import make_engine, make_sessions
from app.db.storage_places import take_into_use
from app.demo import write_bundle
from app.jobs.asking import request_analysis
from app.storage import BLOCK, Storage, open_storage

SCENARIO = "article"
TITLE = "示例 / Example: security check fails behind a firewall"
SITE = "EADScope demo"


def load_example(options: Settings, database_url: str) -> int:
    """Make the case and ask for its analysis, in one transaction with the note that this was done; its number."""
    engine = make_engine(database_url, pool_size=1)
    try:
        sessions = make_sessions(engine)
        storage = open_storage(options)
        take_into_use(sessions, storage)
        with sessions() as session:
            case_id = _load(session, storage)
            session.commit()
            return case_id
    finally:
        engine.dispose()


def _load(session: Session, storage: Storage) -> int:
    case = Case(title=TITLE, site=SITE, is_example=True)
    session.add(case)
    session.flush()
    bundle = Bundle(case_id=case.id)
    session.add(bundle)
    session.flush()
    with tempfile.TemporaryDirectory(prefix="eadscope-example-") as name:
        folder = Path(name) / SCENARIO
        write_bundle(SCENARIO, folder)
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            with path.open("rb") as file:
                stored = storage.put(iter(lambda file=file: file.read(BLOCK), b""))  # type: ignore[misc]
            known = insert(Blob).values(sha256=stored.sha256, size_bytes=stored.size_bytes)
            session.execute(known.on_conflict_do_nothing())
            relative = path.relative_to(folder).as_posix()
            session.add(Upload(bundle_id=bundle.id, path=relative, sha256=stored.sha256, size_bytes=stored.size_bytes))
            session.flush()
    request_analysis(session, case.id)
    session.add(Milestone(name=EXAMPLE_LOADED, case_id=case.id))
    return case.id
