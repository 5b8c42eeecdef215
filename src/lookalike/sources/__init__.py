"""Where pictures come from. The only room that touches the network.

``web`` is the one guarded way out (addresses checked at the moment of connecting, limits on bytes
and time); ``collection`` is the folder that grows; ``gather`` moves pictures from the first to the
second. ``search``, ``crawl``, ``lists``, ``named`` and ``shards`` say which pictures there are.
"""
