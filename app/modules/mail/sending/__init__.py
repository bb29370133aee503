"""Writes the message of a mail, and hands it over to a mail server."""
