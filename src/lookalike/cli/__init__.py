"""The command line. Holds no logic: it calls lookalike.api and shows what comes back."""
