"""One-time addresses of lists as files, for plain links."""
