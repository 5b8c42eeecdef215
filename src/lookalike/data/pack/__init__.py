"""The pack: pictures as memory-mapped shards with labels and a hold-out, written whole."""
