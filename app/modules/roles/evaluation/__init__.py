"""The permissions that users hold by their roles, and the errors of changes that would exceed them."""
