"""Uploads of a case in storage → the files to analyse, unpacked once and kept by content."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, sessionmaker

from app.config import Settings
from app.core.pipeline import DEFAULT_PORTS
from app.core.records import Text
from app.db.models import Blob, Bundle, Case, PointSetting, SourceSetting, Upload
from app.db.models import BundleFile as BundleFileRow
from app.db.texts import clean, text_rows, texts
from app.intake import AnalysisSettings
from app.sources import BundleFile
from app.storage import Storage, Stored
from app.unpacking.bundles import Unpacked, unpack
from app.unpacking.entry_names import clean_name
from app.unpacking.limits import Limits


def unpack_waiting(
    sessions: sessionmaker[Session],
    storage: Storage,
    case_id: int,
    scratch: Path,
    options: Settings,
    progress: Callable[[float], None],
) -> None:
    """Unpack every bundle of the case that has files it was not unpacked with. One transaction a bundle."""
    arrived = select(func.count()).where(Upload.bundle_id == Bundle.id).scalar_subquery()
    stale = select(Bundle.id).where(Bundle.case_id == case_id, Bundle.unpacked_uploads != arrived)
    with sessions() as session:
        waiting = session.scalars(stale.order_by(Bundle.id)).all()
    for number, bundle_id in enumerate(waiting):
        progress(number / len(waiting))
        with sessions() as session:
            _unpack_bundle(session, storage, bundle_id, scratch / str(bundle_id), options)
            session.commit()
    progress(1.0)


def case_files(session: Session, storage: Storage, case_id: int) -> list[BundleFile]:
    """Every file of the case under a name of its own; the same content counts once, across uploads too."""
    rows = session.scalars(
        select(BundleFileRow)
        .join(Bundle, Bundle.id == BundleFileRow.bundle_id)
        .where(Bundle.case_id == case_id)
        .order_by(BundleFileRow.id)
    )
    files: list[BundleFile] = []
    names: dict[str, str] = {}  # by content
    taken: set[str] = set()
    for row in rows:
        name = _free(row.path, taken)
        notes = texts(row.notes)
        if row.sha256 is None:
            files.append(BundleFile(Path(), name, "", row.size_bytes, notes, is_readable=False))
        elif row.size_bytes and row.sha256 in names:
            same = _same_content(names[row.sha256])
            files.append(BundleFile(Path(), name, row.sha256, row.size_bytes, (*notes, same), is_readable=False))
        else:
            names[row.sha256] = name
            files.append(BundleFile(storage.local(row.sha256), name, row.sha256, row.size_bytes, notes))
    return files


def analysis_settings(
    session: Session, case_id: int, files: Sequence[BundleFile], options: Settings
) -> AnalysisSettings:
    """What people said of the case and its files, by the names that the files have now."""
    case = session.get_one(Case, case_id)
    said = {row.sha256: row for row in session.scalars(select(SourceSetting).where(SourceSetting.case_id == case_id))}
    about = [(file.name, said[file.sha256]) for file in files if file.is_readable and file.sha256 in said]
    order = select(PointSetting.name).where(PointSetting.case_id == case_id).order_by(PointSetting.position)
    return AnalysisSettings(
        ports=DEFAULT_PORTS | frozenset(case.ports),
        point_names={name: row.capture_point for name, row in about if row.capture_point is not None},
        order=tuple(session.scalars(order)),
        manual_offset_s={name: row.clock_offset_s for name, row in about if row.clock_offset_s is not None},
        zones={name: row.zone_offset_s for name, row in about if row.zone_offset_s is not None},
        encodings={name: row.encoding for name, row in about if row.encoding is not None},
        log_formats={name: row.log_format for name, row in about if row.log_format is not None},
        formats_folders=(options.formats,) if options.formats.is_dir() else (),
    )


def _unpack_bundle(session: Session, storage: Storage, bundle_id: int, scratch: Path, options: Settings) -> None:
    uploads = session.scalars(select(Upload).where(Upload.bundle_id == bundle_id).order_by(Upload.id)).all()
    session.execute(delete(BundleFileRow).where(BundleFileRow.bundle_id == bundle_id))
    limits = Limits(total_bytes=options.max_unpacked_bytes, files=options.max_files)
    try:
        unpacked = unpack(_lay_out(uploads, storage, scratch / "uploaded"), scratch / "unpacked", limits)
        _keep(session, storage, bundle_id, unpacked)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    session.get_one(Bundle, bundle_id).unpacked_uploads = len(uploads)


def _lay_out(uploads: Sequence[Upload], storage: Storage, folder: Path) -> list[Path]:
    """The bundle as the browser had it: one archive, one folder, or a folder of everything that was dropped."""
    for upload in uploads:
        place = folder / clean_name(upload.path).name
        while place.exists():
            place = place.with_name(f"{place.stem} (2){place.suffix}")
        place.parent.mkdir(parents=True, exist_ok=True)
        _link(storage.local(upload.sha256), place)
    top = sorted(folder.iterdir()) if uploads else []
    return top if len(top) == 1 else [folder]


def _link(stored: Path, place: Path) -> None:
    try:
        os.link(stored, place)
    except OSError:  # the storage is on another file system
        shutil.copyfile(stored, place)


def _keep(session: Session, storage: Storage, bundle_id: int, unpacked: Unpacked) -> None:
    for file in unpacked.files:
        stored = Stored(file.sha256, file.size)
        known = insert(Blob).values(sha256=stored.sha256, size_bytes=stored.size_bytes)
        # Taking the row locks it: whoever deletes the last use of this content waits, and finds a new one.
        session.execute(known.on_conflict_do_update(index_elements=["sha256"], set_={"size_bytes": stored.size_bytes}))
        storage.adopt(file.path, stored)
        session.add(
            BundleFileRow(
                bundle_id=bundle_id,
                path=clean(file.name),
                sha256=file.sha256,
                size_bytes=file.size,
                notes=text_rows(file.notes),
            )
        )
        session.flush()
    for refused in unpacked.refused:
        row = BundleFileRow(
            bundle_id=bundle_id, path=clean(refused.name), size_bytes=refused.size, notes=text_rows((refused.reason,))
        )
        session.add(row)
        session.flush()


def _free(name: str, taken: set[str]) -> str:
    """`name`, or with the first number in front that makes it different from every other file of the case."""
    free, number = name, 1
    while free in taken:
        number += 1
        free = f"{number}/{name}"
    taken.add(free)
    return free


def _same_content(name: str) -> Text:
    return Text(f"The same content as {name}.", f"内容与 {name} 相同。")
