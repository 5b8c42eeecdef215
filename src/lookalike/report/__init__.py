"""The pieces of a run's page: facts, pictures, charts, sections, and the page around them."""
