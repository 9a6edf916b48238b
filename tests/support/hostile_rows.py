"""The whole table of hostile behaviours."""

from __future__ import annotations

from tests.support import hostile_rows_mail, hostile_rows_pop3, hostile_rows_smtp, hostile_rows_tls

ROWS = [*hostile_rows_smtp.ROWS, *hostile_rows_tls.ROWS, *hostile_rows_pop3.ROWS, *hostile_rows_mail.ROWS]
