"""The mail host itself, seen by independent clients: what the other system tests rely on must be true."""

from __future__ import annotations

import poplib
import smtplib
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
from tests.support.mailhost import BOUNCING_ADDRESS, MailHost, MailUser
from tests.support.processes import until

SECURITIES = ("starttls", "implicit_tls", "plaintext")
TIMEOUT_SECONDS = 10.0
numbers = count()


def content(message_id: str) -> bytes:
    """Return a small message."""
    return f"Message-ID: <{message_id}@elsewhere.example>\r\nSubject: hello\r\n\r\nHello.\r\n".encode()


def new_message_id() -> str:
    """Return an id that no other test uses."""
    return f"m{next(numbers)}"


def context(host: MailHost) -> ssl.SSLContext:
    """Return a context that trusts the host's authority and verifies everything."""
    return ssl.create_default_context(cafile=str(host.ca_file))


@contextmanager
def smtp_session(host: MailHost, security: str) -> Iterator[smtplib.SMTP]:
    """Connect for submission, up to TLS."""
    if security == "implicit_tls":
        session: smtplib.SMTP = smtplib.SMTP_SSL(
            "localhost", host.ports.smtps, context=context(host), timeout=TIMEOUT_SECONDS
        )
    else:
        port = host.ports.submission if security == "starttls" else host.ports.smtp_plaintext
        session = smtplib.SMTP("localhost", port, timeout=TIMEOUT_SECONDS)
    with session:
        if security == "starttls":
            session.starttls(context=context(host))
        yield session


@contextmanager
def pop3_session(host: MailHost, security: str) -> Iterator[poplib.POP3]:
    """Connect for retrieval, up to TLS."""
    if security == "implicit_tls":
        session: poplib.POP3 = poplib.POP3_SSL(
            "localhost", host.ports.pop3s, context=context(host), timeout=TIMEOUT_SECONDS
        )
    else:
        session = poplib.POP3("localhost", host.ports.pop3, timeout=TIMEOUT_SECONDS)
    try:
        if security == "starttls":
            session.stls(context(host))
        yield session
        session.quit()
    finally:
        session.close()


def submit(host: MailHost, sender: MailUser, recipients: list[str], message_ids: list[str]) -> None:
    """Submit one message for each id."""
    with smtp_session(host, "plaintext") as session:
        session.login(sender.address, sender.password)
        for recipient, message_id in zip(recipients, message_ids, strict=True):
            session.sendmail(sender.address, [recipient], content(message_id))


def log_in(session: poplib.POP3, user: MailUser) -> None:
    """Authenticate with USER and PASS."""
    session.user(user.address)
    session.pass_(user.password)


def holds(folder: Path, message_id: str) -> bool:
    """Say whether a message is in a folder of a Maildir."""
    return any(f"<{message_id}@elsewhere.example>".encode() in file.read_bytes() for file in folder.iterdir())


@pytest.mark.parametrize("security", SECURITIES)
def test_submission_reaches_the_maildir(mail_host: MailHost, security: str) -> None:
    """Each submission port takes a log-in and mail, and the mail becomes a file in `new` of its recipient alone."""
    sender, recipient, other = mail_host.users[:3]
    message_id = new_message_id()
    with smtp_session(mail_host, security) as session:
        assert isinstance(session.sock, ssl.SSLSocket) == (security != "plaintext")
        session.login(sender.address, sender.password)
        assert session.sendmail(sender.address, [recipient.address], content(message_id)) == {}
    new = mail_host.maildir(recipient.address) / "new"
    until(lambda: holds(new, message_id), "the delivery")
    assert not holds(mail_host.maildir(other.address) / "new", message_id)


@pytest.mark.parametrize("security", SECURITIES)
def test_foreign_mail_is_visible_over_pop3(mail_host: MailHost, security: str) -> None:
    """Mail that is put into a Maildir is listed, read unchanged, and gone after its deletion, on each POP3 port."""
    user = mail_host.users[3]
    message_id = new_message_id()
    mail_host.deliver_raw(user.address, content(message_id))
    with pop3_session(mail_host, security) as session:
        assert isinstance(session.sock, ssl.SSLSocket) == (security != "plaintext")
        log_in(session, user)
        assert session.stat()[0] == 1
        assert b"\r\n".join(session.retr(1)[1]) + b"\r\n" == content(message_id)
        session.dele(1)
    with pop3_session(mail_host, security) as session:
        log_in(session, user)
        assert session.stat()[0] == 0


@pytest.mark.parametrize("security", SECURITIES)
def test_wrong_password_is_refused(mail_host: MailHost, security: str) -> None:
    """Neither server takes another user's password, and the second refusal comes as quickly as the first."""
    user, other = mail_host.users[:2]
    with smtp_session(mail_host, security) as session:
        with pytest.raises(smtplib.SMTPAuthenticationError) as refusal:
            session.login(user.address, other.password)
        assert refusal.value.smtp_code == 535
    begun = time.monotonic()
    with pop3_session(mail_host, security) as pop3:
        for _ in range(2):
            pop3.user(user.address)
            with pytest.raises(poplib.error_proto, match="AUTH"):
                pop3.pass_(other.password)
    assert time.monotonic() - begun < 3.0


def test_submission_asks_for_tls_and_a_login(mail_host: MailHost) -> None:
    """The STARTTLS port takes no mail without TLS, and no port takes mail without a log-in."""
    sender, recipient = (user.address for user in mail_host.users[:2])
    with smtplib.SMTP("localhost", mail_host.ports.submission, timeout=TIMEOUT_SECONDS) as session:
        session.ehlo()
        assert not session.has_extn("auth")
        assert session.mail(sender)[0] == 530
    for security in SECURITIES:
        with smtp_session(mail_host, security) as session, pytest.raises(smtplib.SMTPRecipientsRefused):
            session.sendmail(sender, [recipient], content(new_message_id()))


def test_a_stranger_is_not_trusted(mail_host: MailHost) -> None:
    """A client that does not know the private authority refuses both servers: verification is real."""
    strict = ssl.create_default_context()
    for port in (mail_host.ports.smtps, mail_host.ports.pop3s):
        with pytest.raises(ssl.SSLCertVerificationError):
            poplib.POP3_SSL("localhost", port, context=strict, timeout=TIMEOUT_SECONDS)


def test_unknown_recipient_is_refused_and_a_dead_one_bounces(mail_host: MailHost) -> None:
    """Postfix refuses an unknown address at RCPT, and answers mail to the bouncing address by a DSN to the sender."""
    sender = mail_host.users[4]
    with smtp_session(mail_host, "plaintext") as session:
        session.login(sender.address, sender.password)
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refusal:
            session.sendmail(sender.address, ["nobody@mail.example"], content(new_message_id()))
        assert refusal.value.recipients["nobody@mail.example"][0] == 550
    message_id = new_message_id()
    submit(mail_host, sender, [BOUNCING_ADDRESS], [message_id])
    new = mail_host.maildir(sender.address) / "new"
    until(lambda: holds(new, message_id), "the DSN")
    assert any(b"Action: failed" in file.read_bytes() for file in new.iterdir())


def test_delayed_deliveries_overlap(mail_host: MailHost) -> None:
    """Each message waits for itself: twelve delayed by a second, six of them to one mailbox, take about one."""
    sender = mail_host.users[5]
    message_ids = [new_message_id() for _ in range(12)]
    recipients = [mail_host.users[6].address] * 6 + [user.address for user in mail_host.users[7:13]]
    mail_host.delay_deliveries(1.0, 1.2)
    try:
        begun = time.time()
        submit(mail_host, sender, recipients, message_ids)
        files = [mail_host.maildir(address) / "new" for address in recipients]
        until(lambda: all(map(holds, files, message_ids)), "twelve deliveries")
    finally:
        mail_host.delay_deliveries(0, 0)
    arrivals = [file.stat().st_ctime - begun for folder in set(files) for file in folder.iterdir()]
    assert len(arrivals) == 12
    assert min(arrivals) >= 1.0
    assert max(arrivals) < 3.0


def test_the_delivery_log_tells_the_true_time(mail_host: MailHost) -> None:
    """The host's record of a delivery names the message and its arrival: the file's ctime, to a few milliseconds."""
    sender, recipient = mail_host.users[13:15]
    message_id = new_message_id()
    submit(mail_host, sender, [recipient.address], [message_id])

    def found() -> list[float]:
        return [
            delivery.finished_wall
            for delivery in mail_host.deliveries()
            if delivery.message_id == f"<{message_id}@elsewhere.example>" and delivery.address == recipient.address
        ]

    until(lambda: bool(found()), "the record of the delivery")
    (file,) = (mail_host.maildir(recipient.address) / "new").iterdir()
    assert found() == [pytest.approx(file.stat().st_ctime, abs=1.0)]


def test_postfix_stops_and_starts(mail_host: MailHost) -> None:
    """A stopped Postfix refuses connections, Dovecot serves on; started again, Postfix takes mail."""
    sender, recipient = mail_host.users[15:17]
    mail_host.stop_postfix()
    try:
        with pytest.raises(ConnectionRefusedError):
            smtplib.SMTP("127.0.0.1", mail_host.ports.submission, timeout=TIMEOUT_SECONDS)
        with pop3_session(mail_host, "plaintext") as session:
            log_in(session, recipient)
    finally:
        mail_host.start_postfix()
    message_id = new_message_id()
    submit(mail_host, sender, [recipient.address], [message_id])
    until(lambda: holds(mail_host.maildir(recipient.address) / "new", message_id), "the delivery")


def test_dovecot_stops_and_starts(mail_host: MailHost) -> None:
    """A stopped Dovecot refuses connections; what Postfix had accepted arrives soon after Dovecot is back."""
    sender, recipient = mail_host.users[17:19]
    message_id = new_message_id()
    with smtp_session(mail_host, "starttls") as session:
        session.login(sender.address, sender.password)
        mail_host.stop_dovecot()
        try:
            session.sendmail(sender.address, [recipient.address], content(message_id))
            with pytest.raises(ConnectionRefusedError):
                poplib.POP3("127.0.0.1", mail_host.ports.pop3, timeout=TIMEOUT_SECONDS)
            until(lambda: "status=deferred" in mail_host.logs(), "a delivery that failed")
            assert not holds(mail_host.maildir(recipient.address) / "new", message_id)
        finally:
            mail_host.start_dovecot()
    until(lambda: holds(mail_host.maildir(recipient.address) / "new", message_id), "the delivery")
