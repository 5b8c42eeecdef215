"""The pages that draw: Explore, Edit, Gallery. What they need is loaded when one is opened."""
