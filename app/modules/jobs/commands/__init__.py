"""Commands for who operates the jobs."""
