"""Who: organizations, their accounts, roles and licenses."""
