"""From anything a person has to a pack of pictures. Knows nothing of networks; numpy only."""
