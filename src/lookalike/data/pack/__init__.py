"""The pack: pictures as memory-mapped shards with labels and a hold-out, written whole."""

from lookalike.data.pack.pack import Pack, Split
from lookalike.data.pack.writer import PackWriter, write_pack

__all__ = ["Pack", "PackWriter", "Split", "write_pack"]
