"""Mails of two kinds, with their attachments."""
