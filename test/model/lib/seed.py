"""The seed of random histories: the argument, else $SEED, else 1; "random" draws one."""
import os
import random


def chosen(argument=None):
    seed = argument or os.environ.get("SEED") or "1"
    return random.SystemRandom().randrange(10 ** 9) if seed == "random" else int(seed)
