"""The access log: one entry for each request, through a spool that survives the process."""
