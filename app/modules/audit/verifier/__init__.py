"""The verifier: finds what was changed, removed, added or moved in a sealed log."""
