"""Where pictures come from. The only room that touches the network."""
