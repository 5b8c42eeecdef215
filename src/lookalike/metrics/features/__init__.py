"""What a judge looks at: pictures become vectors."""
