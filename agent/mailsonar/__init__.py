"""MailSonar: tells that mail has stopped flowing, where, and why."""

from importlib.metadata import version

__version__ = version("mailsonar")
