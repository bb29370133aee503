"""Which changes wait, and what is kept of them meanwhile."""
