"""Work to be done, and who does it."""
