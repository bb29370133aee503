"""Schedules: jobs that are asked for at instants that the code declares, unless an administrator turns that off."""
