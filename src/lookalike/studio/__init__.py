"""The studio: a page on this machine to look, train, steer and keep. A face without logic.

It calls :mod:`lookalike.api` and what lies below it; whatever takes long runs in a process of its
own that goes on when the page or the server ends.
"""
