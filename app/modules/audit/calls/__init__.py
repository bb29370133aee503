"""Calls: a request, or the work of a job, with what it changed."""
