"""The app of all pages, and the server around it."""
