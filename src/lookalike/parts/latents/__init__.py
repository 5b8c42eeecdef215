"""How z is drawn, and which of several candidates becomes a picture."""
