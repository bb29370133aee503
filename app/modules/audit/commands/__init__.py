"""Commands that need several parts of the audit log."""
