"""A private Postfix: three submission ports on loopback at least, and delivery by LMTP to a Unix socket.

Nothing of /etc/postfix is read or written. Its master runs in the foreground as our own child. It is started directly:
`postfix start` would spend seconds on checking the permissions of a system installation. All limits that guard a
server against its clients are off, all waits are short, and no mail leaves the machine.
"""

from __future__ import annotations

import grp
import os
import pwd
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.ports import MailPorts, greets, refuses
from tests.support.processes import Program, require_program, until

OWNER = "postfix"
POSTDROP_GROUP = "postdrop"
MASTER = "/usr/lib/postfix/sbin/master"
QUEUES = ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace")

MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file_prefixes = {folder}
maillog_file = {folder}/postfix.log
mail_owner = {owner}
setgid_group = {postdrop}
inet_protocols = all
inet_interfaces = {addresses}
myhostname = {domain}
mydestination =
mynetworks =
alias_maps =
alias_database =
local_recipient_maps =
biff = no

virtual_mailbox_domains = {domain}
virtual_mailbox_maps = texthash:{folder}/mailboxes
virtual_transport = lmtp:unix:{lmtp_socket}
default_transport = error:5.4.4 nothing leaves this machine
body_checks = regexp:{folder}/body_checks
relay_domains =
disable_dns_lookups = yes
smtpd_peername_lookup = no

smtpd_tls_chain_files = {certificate}
smtpd_tls_protocols = >=TLSv1.2
smtpd_tls_loglevel = 1
tls_high_cipherlist = ALL:!aNULL:@SECLEVEL=0
tls_medium_cipherlist = ALL:!aNULL:@SECLEVEL=0
{disguises}
smtpd_sasl_type = dovecot
smtpd_sasl_path = {sasl_socket}
smtpd_sasl_auth_enable = yes
smtpd_sasl_security_options = noanonymous
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = reject_unlisted_recipient, permit_sasl_authenticated, reject

# Each delivery has a connection of its own, and waits for no other.
default_process_limit = 300
lmtp_connection_cache_on_demand = no
lmtp_destination_recipient_limit = 1
lmtp_destination_concurrency_limit = 300
initial_destination_concurrency = 300
default_destination_concurrency_failed_cohort_limit = 0

# No guard against busy clients.
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_client_message_rate_limit = 0
smtpd_client_recipient_rate_limit = 0
smtpd_client_new_tls_session_rate_limit = 0
smtpd_client_auth_rate_limit = 0
smtpd_error_sleep_time = 0
smtpd_hard_error_limit = 1000
in_flow_delay = 0

# Trouble passes quickly.
queue_run_delay = 2s
minimal_backoff_time = 2s
maximal_backoff_time = 2s
transport_retry_time = 1s
maximal_queue_lifetime = 1h
bounce_queue_lifetime = 1h
notify_classes =
"""

MASTER_CF = """\
# name type private unprivileged chroot wakeup processes command
{submission} inet n - n - - smtpd
  -o syslog_name=postfix/submission
  -o smtpd_tls_security_level=encrypt
  -o smtpd_tls_auth_only=yes
{smtps} inet n - n - - smtpd
  -o syslog_name=postfix/smtps
  -o smtpd_tls_wrappermode=yes
{smtp_plaintext} inet n - n - - smtpd
  -o syslog_name=postfix/plaintext
  -o smtpd_tls_security_level=none
  -o smtpd_tls_auth_only=no
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""


# A filter as sites have it: spam is refused, and what a virus scanner would find vanishes.
BODY_CHECKS = """\
/GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL/ REJECT spam
/^WDVPIVAl/ DISCARD virus
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostfixSetup:
    """Where a Postfix lives, listens, and what it is joined with; it accepts mail for the addresses `mailboxes`.

    `disguises` are further certificates, by the server name that a client asks for.
    """

    folder: Path
    addresses: Sequence[str]
    domain: str
    certificate: Path
    ports: MailPorts
    mailboxes: Sequence[str]
    sasl_socket: Path
    lmtp_socket: Path
    disguises: Mapping[str, Path] = field(default_factory=dict)


class Postfix:
    """A Postfix that can be stopped and started again; its queue stays.

    Raises:
        ProgramMissing: it is not installed.
    """

    def __init__(self, setup: PostfixSetup) -> None:
        self._program = require_program(MASTER, "postfix")
        self._folder = setup.folder
        self._ports = setup.ports
        self._running: Program | None = None
        _make_folders(setup.folder)
        (setup.folder / "mailboxes").write_text("".join(f"{address} -\n" for address in setup.mailboxes))
        (setup.folder / "body_checks").write_text(BODY_CHECKS)
        (setup.folder / "main.cf").write_text(
            MAIN_CF.format(
                folder=setup.folder,
                addresses=", ".join(setup.addresses),
                owner=OWNER,
                postdrop=POSTDROP_GROUP,
                domain=setup.domain,
                certificate=setup.certificate,
                disguises=f"tls_server_sni_maps = hash:{setup.folder}/disguises" if setup.disguises else "",
                sasl_socket=setup.sasl_socket,
                lmtp_socket=setup.lmtp_socket,
            )
        )
        (setup.folder / "master.cf").write_text(
            MASTER_CF.format(
                submission=setup.ports.submission, smtps=setup.ports.smtps, smtp_plaintext=setup.ports.smtp_plaintext
            )
        )

        if setup.disguises:
            _write_disguises(setup)

    def launch(self) -> None:
        """Start it and return at once."""
        self._running = Program([self._program, "-c", self._folder, "-d"], self._folder / "master.log")

    def until_ready(self) -> None:
        """Wait until it greets."""
        if self._running is not None:
            self._running.until_ready(lambda: greets(self._ports.smtp_plaintext), self.log)

    def stop(self) -> None:
        """End it with all its sessions, and return once it refuses; nothing happens where it does not run."""
        if self._running is not None:
            self._running.stop()
            self._running = None
            ports = (self._ports.submission, self._ports.smtps, self._ports.smtp_plaintext)
            until(lambda: refuses(*ports), "Postfix's ports to close")

    def log(self) -> str:
        """Return all that it logged."""
        files = [self._folder / "master.log", self._folder / "postfix.log"]
        return "".join(file.read_text(errors="replace") for file in files if file.exists())


def _write_disguises(setup: PostfixSetup) -> None:
    """Make the table of certificates by name: Postfix keeps the files' content in it."""
    table = setup.folder / "disguises"
    table.touch(mode=0o600)
    table.write_text("".join(f"{name} {certificate}\n" for name, certificate in setup.disguises.items()))
    subprocess.run(["postmap", "-c", setup.folder, "-F", f"hash:{table}"], check=True)


def _make_folders(folder: Path) -> None:
    """Make the queue and data folders with the owners that Postfix insists on."""
    owner = pwd.getpwnam(OWNER).pw_uid
    postdrop = grp.getgrnam(POSTDROP_GROUP).gr_gid
    (folder / "queue" / "pid").mkdir(parents=True)
    for path in (folder / "data", *(folder / "queue" / name for name in QUEUES)):
        path.mkdir(mode=0o700)
        os.chown(path, owner, -1)
    for name, mode in (("public", 0o710), ("maildrop", 0o730)):
        path = folder / "queue" / name
        path.mkdir()
        os.chown(path, owner, postdrop)
        path.chmod(mode)
