"""The senders and maildrops of all files, by name."""

from __future__ import annotations

from collections.abc import Iterable

from mailsonar.config.accounts import account, check_credentials, check_proof, check_security, examine_files
from mailsonar.config.document import Document
from mailsonar.config.loading import Loading
from mailsonar.config.oauth2 import check_oauth2
from mailsonar.config.schema import MaildropPart, SenderPart
from mailsonar.config.sections import Named, named_entries
from mailsonar.config.wording import listing, printable
from mailsonar.model.route import Cleanup, Maildrop, Sender


def senders_of(documents: Iterable[Document], maildrops: Named[Maildrop], loading: Loading) -> Named[Sender]:
    """Return the senders; each may name one of the maildrops as the place where its bounces arrive."""
    senders: Named[Sender] = Named()
    for document in documents:
        for name, value, place in named_entries(document, "senders", loading.report):
            if not senders.claim(name, place, loading.report):
                continue
            smtp = value.get("smtp") if isinstance(value, dict) else None
            if isinstance(smtp, dict):
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
                    account=account(part.smtp, place / "smtp", loading),
                    bounces=maildrops.values.get(part.bounces or ""),
                )
            elif isinstance(smtp, dict):
                examine_files(smtp, place / "smtp", loading)
    return senders


def maildrops_of(documents: Iterable[Document], loading: Loading) -> Named[Maildrop]:
    """Return the maildrops."""
    maildrops: Named[Maildrop] = Named()
    for document in documents:
        for name, value, place in named_entries(document, "maildrops", loading.report):
            if not maildrops.claim(name, place, loading.report):
                continue
            pop3 = value.get("pop3") if isinstance(value, dict) else None
            if isinstance(pop3, dict):
                check_security(pop3, place / "pop3", loading.report)
                check_oauth2(pop3, place / "pop3", loading.report)
            part = loading.part(MaildropPart, value, place)
            if isinstance(pop3, dict):
                check_proof(pop3, place / "pop3", loading.report)
            if part:
                maildrops.values[name] = Maildrop(
                    name=name,
                    address=part.address,
                    account=account(part.pop3, place / "pop3", loading),
                    cleanup=Cleanup(part.cleanup),
                    poll_seconds=part.poll,
                    authserv_id=part.authserv_id,
                )
            elif isinstance(pop3, dict):
                examine_files(pop3, place / "pop3", loading)
    return maildrops
