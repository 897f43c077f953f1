"""A receiver on this machine is told when an analysis ends, can check by whom, and is told again if it was away."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session, sessionmaker

from app.config import Settings
from app.core.records import Text
from app.db.handover import Delivery, Webhook
from app.db.models import Analysis, Case
from app.jobs.asking import cancel_analysis, record_failure, request_analysis
from app.jobs.outbound import check_url
from app.jobs.webhooks import MOST_PAUSE_S, MOST_TRIES, NotDelivered, deliver, new_secret, pause_s, signed_headers
from tests.jobs.test_jobs import worker

LOOPBACK = (ip_network("127.0.0.0/8"),)


class Receiver:
    """Answers with `statuses` one after the other, the last of them for ever, and keeps what it was sent."""

    def __init__(self, *statuses: int, location: str = "") -> None:
        self.statuses, self.location = list(statuses), location
        self.seen: list[tuple[str, Message, bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.seen.append((self.path, self.headers, body))
                status = receiver.statuses.pop(0) if len(receiver.statuses) > 1 else receiver.statuses[0]
                self.send_response(status)
                if receiver.location:
                    self.send_header("Location", receiver.location)
                self.end_headers()

            def log_message(self, *_told: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/hooks/eadscope?from=lab"


@contextmanager
def receiving(*statuses: int, location: str = "") -> Iterator[Receiver]:
    receiver = Receiver(*statuses, location=location)
    thread = threading.Thread(target=receiver.server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()
    thread.join(10)


@pytest.fixture
def case(sessions: sessionmaker[Session]) -> Iterator[int]:
    with sessions() as session, session.begin():
        session.add(made := Case(title="secret name of a customer"))
        session.flush()
    yield made.id
    with sessions() as session, session.begin():
        for table in ("procrastinate_jobs", "procrastinate_workers", "webhooks", "cases"):
            session.execute(text(f"DELETE FROM {table}"))


def add_hook(sessions: sessionmaker[Session], url: str) -> Webhook:
    with sessions() as session, session.begin():
        session.add(hook := Webhook(url=url, secret=new_secret()))
        session.flush()
        return hook


def end_analysis(sessions: sessionmaker[Session], case: int) -> int:
    """Ask for one and cancel it; returns the delivery that this made."""
    with sessions() as session, session.begin():
        assert cancel_analysis(session, request_analysis(session, case))
    with sessions() as session:
        return session.scalars(select(Delivery.id).order_by(Delivery.id.desc())).first() or 0


def delivery(sessions: sessionmaker[Session], number: int) -> Delivery:
    with sessions() as session:
        return session.get_one(Delivery, number)


def signature_of(secret: str, headers: Message, body: bytes) -> str:
    """By the words of the specification, not by our own code."""
    told = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    digest = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), told, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def test_the_signature_is_that_of_standard_webhooks() -> None:
    # The example of the specification's reference libraries.
    moment = datetime.fromtimestamp(1614265330, UTC)
    headers = signed_headers(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', moment
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_worker_tells_a_receiver_and_tells_it_again_when_it_was_away(
    sessions: sessionmaker[Session], database_url: str, case: int, tmp_path: Path
) -> None:
    settings = Settings(DATABASE_URL=database_url, var=tmp_path / "var")  # type: ignore[call-arg]
    allowed = {"EADSCOPE_WEBHOOK_NETWORKS": '["127.0.0.0/8"]', "EADSCOPE_WEBHOOK_RETRY_S": "0.1"}
    with receiving(503, 500, 204) as receiver:
        hook = add_hook(sessions, receiver.url)
        number = end_analysis(sessions, case)
        with worker(settings, **allowed):
            deadline = time.monotonic() + 120
            while (told := delivery(sessions, number)).state == "waiting":
                assert time.monotonic() < deadline, told.error
                time.sleep(0.05)
    assert (told.state, told.tries, told.status, told.error) == ("delivered", 3, 204, "")
    assert len(receiver.seen) == 3
    for path, headers, body in receiver.seen:
        assert path == "/hooks/eadscope?from=lab"
        assert headers["webhook-signature"] == signature_of(hook.secret, headers, body)
        assert headers["webhook-id"] == receiver.seen[0][1]["webhook-id"]
        message = json.loads(body)
        assert message["type"] == "analysis.ended"
        assert (message["data"]["case"], message["data"]["state"]) == (case, "canceled")
        assert b"customer" not in body


def test_a_failure_is_told_too(sessions: sessionmaker[Session], case: int) -> None:
    add_hook(sessions, "http://127.0.0.1:9/")
    with sessions() as session, session.begin():
        number = request_analysis(session, case)
        session.get_one(Analysis, number).state = "running"

    for _ in range(2):  # the second finds it ended already
        record_failure(sessions, number, 0, Text("no memory", "内存不足"))
    with sessions() as session:
        told = session.scalars(select(Delivery)).all()
    assert [one.payload["data"]["error"] for one in told] == [{"en": "no memory", "zh": "内存不足"}]


def test_without_webhooks_nothing_is_queued(sessions: sessionmaker[Session], case: int) -> None:
    assert end_analysis(sessions, case) == 0


@pytest.mark.parametrize("is_last", [False, True])
def test_a_private_address_is_refused_unless_it_is_allowed(
    sessions: sessionmaker[Session], case: int, is_last: bool
) -> None:
    with receiving(204) as receiver:
        add_hook(sessions, receiver.url)
        number = end_analysis(sessions, case)
        if is_last:
            deliver(sessions, number, (), is_last=True)
        else:
            with pytest.raises(NotDelivered, match="EADSCOPE_WEBHOOK_NETWORKS"):
                deliver(sessions, number, (), is_last=False)
        assert receiver.seen == []
        told = delivery(sessions, number)
        assert (told.state, told.tries) == ("given-up" if is_last else "waiting", 1)
        if not is_last:
            deliver(sessions, number, LOOPBACK, is_last=False)
            assert delivery(sessions, number).state == "delivered"


def test_a_redirect_is_not_followed(sessions: sessionmaker[Session], case: int) -> None:
    with receiving(204) as inner, receiving(302, location=inner.url) as outer:
        add_hook(sessions, outer.url)
        number = end_analysis(sessions, case)
        with pytest.raises(NotDelivered, match="302"):
            deliver(sessions, number, LOOPBACK, is_last=False)
        assert inner.seen == []


def test_who_answers_gone_is_told_no_more(sessions: sessionmaker[Session], case: int) -> None:
    with receiving(410) as receiver:
        add_hook(sessions, receiver.url)
        number = end_analysis(sessions, case)
        deliver(sessions, number, LOOPBACK, is_last=False)
        deliver(sessions, number, LOOPBACK, is_last=False)
    assert len(receiver.seen) == 1
    assert delivery(sessions, number).state == "given-up"


def test_nobody_listening_is_an_error_with_a_name(sessions: sessionmaker[Session], case: int) -> None:
    with receiving(204) as receiver:
        url = receiver.url
    add_hook(sessions, url)
    number = end_analysis(sessions, case)
    with pytest.raises(NotDelivered):
        deliver(sessions, number, LOOPBACK, is_last=False)
    assert "ConnectionRefusedError" in delivery(sessions, number).error


def test_a_removed_webhook_hears_nothing_more(sessions: sessionmaker[Session], case: int) -> None:
    with receiving(204) as receiver:
        hook = add_hook(sessions, check_url(receiver.url))
        number = end_analysis(sessions, case)
        with sessions() as session, session.begin():
            session.delete(session.get_one(Webhook, hook.id))
        deliver(sessions, number, LOOPBACK, is_last=False)
        assert receiver.seen == []


def test_pauses_grow_and_end_after_hours_not_days() -> None:
    pauses = [pause_s(tries, 10) for tries in range(1, MOST_TRIES)]
    assert pauses[:3] == [10, 30, 90]
    assert pauses == sorted(pauses)
    assert sum(pauses) < 4 * 3600
    assert pause_s(60, 10) == MOST_PAUSE_S
