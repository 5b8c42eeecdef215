"""Whether synthetic pictures help a classifier: the protocol and its instruments."""
