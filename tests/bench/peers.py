"""What others spend: the processor time of blackbox_exporter and of Nagios' plug-in, as Debian ships both."""

from __future__ import annotations

import os
import resource
import subprocess
import urllib.request
from pathlib import Path

from tests.bench import blocking_probe
from tests.bench.crowd import PROGRAM, cpu_seconds
from tests.support.mailhost import MailHost, MailUser
from tests.support.ports import PortReservation
from tests.support.processes import Program, require_program

BLACKBOX = """\
modules:
  submission:
    prober: tcp
    timeout: 5s
    tcp:
      query_response:
        - expect: "^220"
        - send: "EHLO prober"
        - expect: "^250-STARTTLS"
        - expect: "^250 "
        - send: "STARTTLS"
        - expect: "^220"
        - starttls: true
        - send: "EHLO prober"
        - expect: "^250-"
        - send: "QUIT"
      tls_config: {{ca_file: {ca_file}, server_name: localhost}}
  pop3s:
    prober: tcp
    timeout: 5s
    tcp:
      tls: true
      query_response:
        - expect: "^.OK"
        - send: "QUIT"
        - expect: "^.OK"
      tls_config: {{ca_file: {ca_file}, server_name: localhost}}
"""


def script_seconds(host: MailHost, count: int) -> float:
    """Return the processor seconds of a round trip by the blocking script."""
    accounts = [f"{user.address}={user.password}" for user in host.users[:20]]
    ports = (str(host.ports.submission), str(host.ports.pop3s))
    command = [PROGRAM[0], blocking_probe.__file__, *ports, str(host.ca_file), str(count), *accounts]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def blackbox_seconds(host: MailHost, count: int) -> float:
    """Return the processor seconds that blackbox_exporter takes to connect to both servers, without any mail."""
    config = host.folder / "blackbox.yml"
    config.write_text(BLACKBOX.format(ca_file=host.ca_file))
    reservation = PortReservation()
    address = f"127.0.0.1:{reservation.reserve()}"
    command = [require_program("prometheus-blackbox-exporter", "prometheus-blackbox-exporter")]
    command += [f"--config.file={config}", f"--web.listen-address={address}"]
    exporter = Program(command, host.folder / "blackbox.log")
    try:
        exporter.until_ready(lambda: _answers(f"http://{address}/-/healthy"), (host.folder / "blackbox.log").read_text)
        before = cpu_seconds(exporter.process_id)
        for _ in range(count):
            for module, port in (("submission", host.ports.submission), ("pop3s", host.ports.pop3s)):
                page = _fetch(f"http://{address}/probe?module={module}&target=localhost:{port}")
                assert "\nprobe_success 1" in page, page
        return (cpu_seconds(exporter.process_id) - before) / count
    finally:
        exporter.stop()
        reservation.close()


def nagios_seconds(host: MailHost, user: MailUser, count: int) -> float:
    """Return the processor seconds of a run of check_email_delivery, which submits by SMTP and finds by IMAP."""
    plugins = Path("/usr/lib/nagios/plugins")
    delivery = require_program(str(plugins / "check_email_delivery"), "nagios-plugins-contrib")
    login = f"-H localhost -U {user.address} -P {user.password}"
    send = (
        f"{plugins}/check_smtp_send {login} -p {host.ports.submission} --tls "
        f"--mailto {user.address} --mailfrom {user.address} --header 'Subject: Nagios %TOKEN1%' --body probe"
    )
    find = (
        f"{plugins}/check_imap_receive {login} -p {host.ports.imaps} --ssl --ssl-ca-file {host.ca_file} "
        "-s SUBJECT -s 'Nagios %TOKEN1%' --imap-retries 20 --imap-check-interval 1"
    )
    command = [delivery, "--wait", "1", "--plugin", send, "--plugin", find]
    trusting = {**os.environ, "SSL_CERT_FILE": str(host.ca_file)}
    before = _children_seconds()
    for _ in range(count):
        ran = subprocess.run(command, env=trusting, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr
    return (_children_seconds() - before) / count


def _children_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own address
        return str(answer.read().decode())


def _answers(url: str) -> bool:
    try:
        return bool(_fetch(url))
    except OSError:
        return False
