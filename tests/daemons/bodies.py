"""The bytes that travel: the same in every process because they come from one seeded generator."""
import random

BLOB = random.Random(20).randbytes(6 << 20)
SMALL = BLOB[:1000]
EMPTY = b''
BIG = BLOB[1 << 20:4 << 20]     # 3 MiB: larger than any socket buffer on the way
FILES = {'/small.bin': SMALL, '/big.bin': BIG, '/empty.bin': EMPTY}


def piece(number, size):
    """SIZE bytes that differ from one client NUMBER to the next, so that crossed answers are seen."""
    start = number * 4099 % (len(BLOB) - size)
    return BLOB[start:start + size]
