"""The menu and the permissions of the caller."""
