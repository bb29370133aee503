"""Versions of the policy: what each changed, and going back to one."""
