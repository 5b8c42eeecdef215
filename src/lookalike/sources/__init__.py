"""Where pictures come from. The only room that touches the network.

``http`` is the one guarded way out (addresses checked at the moment of connecting, limits on bytes
and time); ``store`` holds the folder that grows, and what moves pictures from the first to the
second. ``search``, ``crawl`` and ``sets`` say which pictures there are.
"""
