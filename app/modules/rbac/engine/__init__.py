"""The engine of permissions: authentication, its cache and invalidation, and the guard of the policy."""
