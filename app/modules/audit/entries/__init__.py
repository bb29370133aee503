"""What the entries of both logs have in common: their canonical form, and callers."""
