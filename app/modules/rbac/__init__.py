"""Enforcement of permissions: authentication and its cache, the policy guard, explanations, versions, menus."""
