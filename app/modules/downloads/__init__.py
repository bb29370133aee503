"""One-time addresses of files, for plain links."""
