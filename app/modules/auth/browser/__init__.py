"""Sessions of browsers: the refresh token is in a cookie, which no script can read."""
