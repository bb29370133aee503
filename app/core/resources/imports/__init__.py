"""Imports: items created from a file, read line by line and written in batches."""
