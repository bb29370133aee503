"""SQLite: connection settings, transactions that lock at once, and the functions that PostgreSQL has."""

import sqlite3

from sqlalchemy import Connection
from sqlalchemy.dialects.sqlite.aiosqlite import AsyncAdapt_aiosqlite_connection

PRAGMAS = ("journal_mode=WAL", "foreign_keys=ON", "recursive_triggers=ON")
"""A write-ahead log, foreign keys, and triggers under REPLACE too."""


def prepare_connection(connection: AsyncAdapt_aiosqlite_connection | sqlite3.Connection) -> None:
    """Set pragmas and functions, and keep the driver from opening transactions by itself."""
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
    connection.create_function("lower", 1, unicode_lower, deterministic=True)


def unicode_lower(text: str | None) -> str | None:
    """Lower case of any alphabet; SQLite's own lower() changes ASCII only."""
    return text.lower() if isinstance(text, str) else text


def refuse_writes(connection: sqlite3.Connection) -> None:
    """Make a connection for readers refuse to write."""
    connection.execute("PRAGMA query_only=ON")


def begin_immediate(connection: Connection) -> None:
    """Take the write lock at once: a transaction that reads first and writes later can fail."""
    if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
