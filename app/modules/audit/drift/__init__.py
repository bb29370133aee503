"""Drift: where the rows of audited tables are not what the change log says."""
