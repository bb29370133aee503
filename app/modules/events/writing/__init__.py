"""Writes events in the form of CloudEvents."""
