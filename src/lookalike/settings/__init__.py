"""What a person may ask of each verb: frozen, free of torch, flattened by the command line."""
