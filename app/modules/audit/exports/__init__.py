"""Exports: the sealed entries of a log as a file, in their order, with a trailer that the file is checked by."""
