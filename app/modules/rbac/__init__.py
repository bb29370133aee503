"""Permissions at work: authentication and its cache, the guard of the policy, explanations, versions, menus."""
