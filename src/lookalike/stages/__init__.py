"""One verb per file; a stage never imports another stage."""
