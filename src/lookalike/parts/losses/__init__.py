"""What players minimize: the objective and its phases, and the terms that losses are made of."""
