"""The body of the job, in this process."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session, sessionmaker

from app.config import Settings
from app.db.bundle_queries import add_upload
from app.db.models import Analysis, Bundle, Case
from app.db.session import make_sessions
from app.db.url import driver_url
from app.jobs import analysis_run
from app.jobs.analysis_run import run_analysis
from app.jobs.asking import request_analysis
from app.storage import FolderStorage


def test_saving_tells_how_far_it_is_and_waits_for_nobody(
    sessions: sessionmaker[Session], database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long it takes: progress is told on a connection of its own, to the row that saving locks at its end."""
    monkeypatch.setattr(analysis_run, "REPORT_EVERY_S", -1)
    storage = FolderStorage(tmp_path / "storage")
    storage.prepare()
    options = Settings(DATABASE_URL=database_url, var=tmp_path)  # type: ignore[call-arg]
    log = b"[2017-07-12 11:14:20] [DtlCmn] [1394] SecPkt secPushInner: out-pkt [1]\n"
    stored = storage.put([log])
    with sessions() as session, session.begin():
        session.add(case := Case(title="x"))
        session.flush()
        session.add(bundle := Bundle(case_id=case.id))
        session.flush()
        add_upload(session, bundle.id, "iNode.log", stored.sha256, stored.size_bytes)
        number = request_analysis(session, case.id)
        session.get_one(Analysis, number).state = "running"
    impatient = create_engine(driver_url(database_url), connect_args={"options": "-c lock_timeout=3000"})
    run_analysis(make_sessions(impatient), storage, options, number, 0)
    impatient.dispose()
    with sessions() as session:
        assert session.get_one(Analysis, number).state == "done"
