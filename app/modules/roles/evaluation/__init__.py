"""What users hold by their roles, and the refusals of changes that would go beyond it."""
