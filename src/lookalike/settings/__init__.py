"""What a person asks of each verb: one frozen object a verb, spelled once.

The command line flattens these into options (a field is an option, the text below it is its help),
the functions of :mod:`lookalike.api` take them whole or field by field, and the stages read them.
Nothing here needs torch.
"""
