"""Evidence: entries of a sealed log with all that is needed to verify them elsewhere."""
