"""The folder that collected pictures go to, with one manifest line each."""
