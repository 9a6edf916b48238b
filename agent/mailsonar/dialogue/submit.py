"""Submission of one message over SMTP (RFC 6409, 5321, 3207, 4954, 8314).

Nothing that was learned before TLS is used after it, and no credentials go out before it unless the operator allowed
just that for this server. PIPELINING is not used: it would blur the stages.
"""

from __future__ import annotations

from dataclasses import dataclass

from mailsonar.dialogue.authenticate_smtp import authenticate
from mailsonar.dialogue.command_smtp import ask_smtp, transmit
from mailsonar.dialogue.notes import LoginNotes
from mailsonar.dialogue.refusals import expect, smtp_refusal
from mailsonar.dialogue.steps import Dialogue, Patience, Veil, hear, upgrade
from mailsonar.message.compose import Envelope
from mailsonar.model.fault import MailSonarError, Reason, Refused, StarttlsUnavailable
from mailsonar.model.result import Reply
from mailsonar.model.server import Account, Security
from mailsonar.model.stage import Stage
from mailsonar.wire.smtp import Extensions, ReplyReader, SmtpReply, data_block


@dataclass(slots=True)
class SubmissionNotes(LoginNotes):
    """What a submission has come to so far, also when it ends in the middle.

    `uncertain` is set where the final dot is out and no reply made sense of it: the message may be delivered.
    """

    uncertain: bool = False
    accepted: bool = False
    reply: Reply | None = None

    def hear(self, reply: SmtpReply) -> SmtpReply:
        """Keep the last reply that matters, and hand it on."""
        self.reply = Reply(code=reply.code, enhanced=reply.enhanced, text=reply.text)
        return reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A message ready to go: its envelope and its content, whose lines end in CRLF."""

    envelope: Envelope
    content: bytes


def submit(account: Account, mail: Mail, hello_name: str, notes: SubmissionNotes) -> Dialogue[None]:
    """Submit a message and leave.

    Args:
        account: where, and as whom.
        mail: what.
        hello_name: how we introduce ourselves: a domain or an address literal.
        notes: filled in along the way.

    Raises:
        MailSonarError: a stage failed.
    """
    try:
        extensions = yield from open_session(account, hello_name, notes)
        yield from _transact(mail, extensions, notes)
    except Refused:
        yield from leave()
        raise
    yield from leave()


def open_session(account: Account, hello_name: str, notes: SubmissionNotes) -> Dialogue[Extensions]:
    """Come as far as a transaction may start: greeting, EHLO, TLS, authentication."""
    security = account.server.security
    if security is Security.IMPLICIT_TLS:
        yield from upgrade(implicit=True)
    expect(notes.hear((yield from hear(Stage.GREETING, ReplyReader()))), 220, stage=Stage.GREETING)
    extensions = yield from _hello(hello_name, notes)
    if security is Security.STARTTLS:
        notes.offers_before_tls(extensions.mechanisms)
        yield from _start_tls(extensions)
        extensions = yield from _hello(hello_name, notes)
    notes.offers(extensions.mechanisms)
    if account.credentials:
        yield from authenticate(account, extensions.mechanisms, notes)
    return extensions


def leave() -> Dialogue[None]:
    """Say QUIT; what comes of it changes nothing."""
    try:
        yield from ask_smtp(Stage.QUIT, "QUIT", Patience.QUIT)
    except MailSonarError:
        return


def _hello(hello_name: str, notes: SubmissionNotes) -> Dialogue[Extensions]:
    reply = notes.hear((yield from ask_smtp(Stage.HELLO, f"EHLO {hello_name}")))
    if reply.code in (500, 501, 502, 504):
        reply = notes.hear((yield from ask_smtp(Stage.HELLO, f"HELO {hello_name}")))
        expect(reply, 250, stage=Stage.HELLO)
        return Extensions({})
    return Extensions.of(expect(reply, 250, stage=Stage.HELLO))


def _start_tls(extensions: Extensions) -> Dialogue[None]:
    if not extensions.starttls:
        raise StarttlsUnavailable("the server does not offer STARTTLS", stage=Stage.STARTTLS)
    reply = yield from ask_smtp(Stage.STARTTLS, "STARTTLS")
    if reply.code == 421:  # the service goes down: that is no word about TLS
        raise smtp_refusal(reply, Stage.STARTTLS)
    if reply.code != 220:
        raise StarttlsUnavailable(f"STARTTLS was refused: {reply}", stage=Stage.STARTTLS)
    yield from upgrade(implicit=False)


def _transact(mail: Mail, extensions: Extensions, notes: SubmissionNotes) -> Dialogue[None]:
    parameters = _mail_parameters(mail, extensions)
    paths = mail.envelope
    reply = yield from ask_smtp(Stage.MAIL_FROM, f"MAIL FROM:<{paths.reverse_path}>{parameters}")
    expect(notes.hear(reply), 250, stage=Stage.MAIL_FROM)
    reply = yield from ask_smtp(Stage.RCPT_TO, f"RCPT TO:<{paths.forward_path}>")
    expect(notes.hear(reply), 250, 251, 252, stage=Stage.RCPT_TO)
    reply = yield from ask_smtp(Stage.DATA, "DATA")
    expect(notes.hear(reply), 354, stage=Stage.DATA)
    try:
        veil = Veil(f"{len(mail.content)} bytes of message")
        reply = yield from transmit(Stage.DATA, data_block(mail.content), Patience.DATA, veil)
    except MailSonarError as error:
        notes.uncertain = error.sent
        raise
    notes.accepted = reply.code == 250
    notes.uncertain = reply.code < 400 and not notes.accepted
    expect(notes.hear(reply), 250, stage=Stage.DATA)


def _mail_parameters(mail: Mail, extensions: Extensions) -> str:
    size = len(mail.content)
    if extensions.size is not None and size > extensions.size:
        raise Refused(
            f"the message has {size} bytes, the server takes {extensions.size}",
            reason=Reason.REJECTED,
            stage=Stage.MAIL_FROM,
        )
    parameters = f" SIZE={size}" if "SIZE" in extensions.keywords else ""
    if mail.content.isascii():
        return parameters
    if "SMTPUTF8" not in extensions.keywords:
        raise Refused(
            "the server does not offer SMTPUTF8, which the address needs",
            reason=Reason.REJECTED,
            stage=Stage.MAIL_FROM,
        )
    return f"{parameters} BODY=8BITMIME SMTPUTF8"
