"""Balance an ImageFolder: every class gets as many pictures as the largest one has.

python examples/balance_imagefolder.py PHOTOS OUT [TIME]

PHOTOS has a folder for each class. OUT becomes an ImageFolder with real and synthetic pictures,
each checked and marked as what it is.
"""

import sys

import lookalike

photos, out, time, *_ = [*sys.argv[1:], "10m"]
listener = lookalike.Listener(say=print)
pack = lookalike.prepare(photos, f"{out}-pack", listener=listener).path
balanced = lookalike.expand(pack, out, balance=True, time=time, listener=listener)
print(balanced)
