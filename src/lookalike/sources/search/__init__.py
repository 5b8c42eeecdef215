"""Search services and lists of addresses."""
