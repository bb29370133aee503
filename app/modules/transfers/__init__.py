"""Imports and exports that outlive their request: the file of a job that reads or writes it."""
