"""The yardstick: one round trip after the other by `smtplib` and `poplib`, with one shared TLS context.

It does what a full round trip takes and nothing else: no schedule, no journal, no metrics, no timing. It prints the
processor time of one round trip in seconds.
"""

from __future__ import annotations

import poplib
import smtplib
import ssl
import sys
import time

FIRST_LOOK_SECONDS = 0.1


def main(submission: int, pop3s: int, ca_file: str, count: int, accounts: list[list[str]]) -> float:
    """Return the processor seconds of a round trip.

    Args:
        submission: the port of the SMTP server.
        pop3s: the port of the POP3 server.
        ca_file: whom to trust.
        count: how many round trips.
        accounts: address and password, used in turn.
    """
    context = ssl.create_default_context(cafile=ca_file)
    started = time.process_time()
    for number in range(count):
        address, password = accounts[number % len(accounts)]
        submit(submission, context, address, password)
        time.sleep(FIRST_LOOK_SECONDS)
        while not look(pop3s, context, address, password):
            time.sleep(FIRST_LOOK_SECONDS)
    return (time.process_time() - started) / count


def submit(port: int, context: ssl.SSLContext, address: str, password: str) -> None:
    """Submit one message with STARTTLS."""
    with smtplib.SMTP("localhost", port, local_hostname="yardstick") as smtp:
        smtp.ehlo()
        smtp.starttls(context=context)
        smtp.ehlo()
        smtp.login(address, password)
        smtp.sendmail(address, address, f"From: <{address}>\nTo: <{address}>\nSubject: yardstick\n\nhello\n")


def look(port: int, context: ssl.SSLContext, address: str, password: str) -> bool:
    """Look for it, and delete it; tell whether it was there."""
    pop = poplib.POP3_SSL("localhost", port, context=context)
    pop.user(address)
    pop.pass_(password)
    listing = pop.uidl()[1]
    for line in listing:
        number = int(line.split()[0])
        pop.top(number, 0)
        pop.dele(number)
    pop.quit()
    return bool(listing)


if __name__ == "__main__":
    port, port_of_pop3s, trusted, times, *logins = sys.argv[1:]
    pairs = [login.split("=", 1) for login in logins]
    sys.stdout.write(f"{main(int(port), int(port_of_pop3s), trusted, int(times), pairs)}\n")
