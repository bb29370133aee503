"""Assignments: the roles of users with their terms, and the users of roles."""
