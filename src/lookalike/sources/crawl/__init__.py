"""Crawling sites: the process, its spider, and what a page holds."""
