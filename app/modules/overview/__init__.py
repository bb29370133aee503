"""One call for the page of a user: what all modules of access know about one account. No module imports this one."""
