"""Other processes and machines: who does the parts of divided work, and what they need first."""
