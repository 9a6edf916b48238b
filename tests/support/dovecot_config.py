"""The configuration of a private Dovecot 2.3, as text to be filled in."""

from __future__ import annotations

CONFIG = """\
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/dovecot.log
listen = {addresses}
protocols = pop3 imap lmtp

ssl = yes
ssl_cert = <{certificate}
ssl_key = <{certificate}
ssl_min_protocol = TLSv1.2
ssl_cipher_list = ALL:!aNULL:@SECLEVEL=0
{disguises}
disable_plaintext_auth = no
auth_mechanisms = plain login {bearer}
auth_failure_delay = 0
{token_database}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {folder}/passwords
}}
userdb {{
  driver = static
  args = uid={owner} gid={owner} home={mail_folder}/%n
}}
first_valid_uid = 1
mail_location = maildir:~/Maildir
mail_max_userip_connections = 10000
pop3_uidl_format = %g

# More log-ins at once than any test makes, and no fork for each of them.
default_process_limit = 1000
default_client_limit = 20000
service pop3-login {{
  service_count = 0
  process_min_avail = 1
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = {pop3s}
    ssl = yes
  }}
}}
service imap-login {{
  service_count = 0
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service pop3 {{
  service_count = 100
}}
service lmtp {{
  service_count = 0
  client_limit = 1
  unix_listener {folder}/lmtp {{
    mode = 0666
  }}
}}
service auth {{
  unix_listener {folder}/sasl {{
    mode = 0666
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}

# One JSON line for each delivery, to the microsecond.
event_exporter deliveries {{
  format = json
  format_args = time-unix
  transport = log
}}
metric deliveries {{
  filter = event=mail_delivery_finished
  exporter = deliveries
  fields = message_id user error
}}
"""


DISGUISE = """\
local_name {name} {{
  ssl_cert = <{certificate}
  ssl_key = <{certificate}
}}
"""

TOKEN_DATABASE = """\
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {folder}/tokens
}}
"""

TOKENS = """\
introspection_mode = get
introspection_url = {url}
username_attribute = email
active_attribute = active
active_value = true
"""
