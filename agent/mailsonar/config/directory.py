"""The senders and maildrops of all files, by name."""

from __future__ import annotations

from collections.abc import Iterable

from mailsonar.config.accounts import account, check_credentials, check_proof, check_security, examine_files
from mailsonar.config.document import Document
from mailsonar.config.loading import Loading
from mailsonar.config.oauth2 import check_oauth2
from mailsonar.config.presets import check_preset, with_preset
from mailsonar.config.schema import MaildropPart, SenderPart
from mailsonar.config.sections import Named, named_entries
from mailsonar.config.wording import listing, printable
from mailsonar.model.route import Cleanup, Maildrop, Sender
from mailsonar.model.server import Protocol


def senders_of(documents: Iterable[Document], maildrops: Named[Maildrop], loading: Loading) -> Named[Sender]:
    """Return the senders; each may name one of the maildrops as the place where its bounces arrive."""
    senders: Named[Sender] = Named()
    for document in documents:
        for name, written, place in named_entries(document, "senders", loading.report):
            if not senders.claim(name, place, loading.report):
                continue
            value, smtp = _with_server(written, "smtp", Protocol.SMTP)
            if smtp is not None:
                check_preset(smtp, Protocol.SMTP, place / "smtp", loading.report)
                check_credentials(smtp, place / "smtp", loading.report)
                check_oauth2(smtp, place / "smtp", loading.report)
                check_security(smtp, place / "smtp", loading.report)
            part = loading.part(SenderPart, value, place)
            if part:
                if part.bounces is not None and part.bounces not in maildrops.places:
                    known = listing(maildrops.places)
                    wrong = f"there is no maildrop {printable(part.bounces)}; maildrops: {known}"
                    loading.report.wrong(place / "bounces", wrong)
                senders.values[name] = Sender(
                    name=name,
                    address=part.address,
                    account=account(part.smtp, part.address, place / "smtp", loading),
                    bounces=maildrops.values.get(part.bounces or ""),
                )
            elif smtp is not None:
                examine_files(smtp, place / "smtp", loading)
    return senders


def maildrops_of(documents: Iterable[Document], loading: Loading) -> Named[Maildrop]:
    """Return the maildrops."""
    maildrops: Named[Maildrop] = Named()
    for document in documents:
        for name, written, place in named_entries(document, "maildrops", loading.report):
            if not maildrops.claim(name, place, loading.report):
                continue
            value, pop3 = _with_server(written, "pop3", Protocol.POP3)
            if pop3 is not None:
                check_preset(pop3, Protocol.POP3, place / "pop3", loading.report)
                check_security(pop3, place / "pop3", loading.report)
                check_oauth2(pop3, place / "pop3", loading.report)
            part = loading.part(MaildropPart, value, place)
            if pop3 is not None:
                check_proof(pop3, place / "pop3", loading.report)
            if part:
                maildrops.values[name] = Maildrop(
                    name=name,
                    address=part.address,
                    account=account(part.pop3, part.address, place / "pop3", loading),
                    cleanup=Cleanup(part.cleanup),
                    poll_seconds=part.poll,
                    authserv_id=part.authserv_id,
                )
            elif pop3 is not None:
                examine_files(pop3, place / "pop3", loading)
    return maildrops


def _with_server(value: object, key: str, protocol: Protocol) -> tuple[object, dict[str, object] | None]:
    """Return an entry and its server's keys, with those that a provider stands for; None for keys that are none."""
    keys = value.get(key) if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(keys, dict):
        return value, None
    meant = with_preset(keys, protocol)
    return {**value, key: meant}, meant
