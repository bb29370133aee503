"""Erases a person: from the change log by their keys, from both logs by their callers, from tables by empty columns."""
