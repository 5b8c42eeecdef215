"""Pictures and packs by URL (s3, gs, hf, https …), through fsspec."""
