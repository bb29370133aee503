"""Token pairs of sessions: access tokens, and refresh tokens that rotate."""
