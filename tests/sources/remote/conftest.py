"""The bucket of the tests."""

from s3_bucket import bucket, moto_port

__all__ = ["bucket", "moto_port"]
