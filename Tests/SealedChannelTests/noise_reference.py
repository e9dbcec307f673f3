# SPDX-License-Identifier: Apache-2.0
"""Noise on the boundary, computed with Python's standard library alone, ChaCha20 written out from RFC 8439.

Writes noise.json: python3 noise_reference.py > noise.json
"""

import hashlib
import hmac
import json
import math
import struct

MASK = 0xFFFFFFFF


def hkdf(key: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    """RFC 5869 with SHA-256."""
    pseudorandom = hmac.new(salt or bytes(32), key, hashlib.sha256).digest()
    output, block = b"", b""
    for counter in range(1, 256):
        if len(output) >= length:
            break
        block = hmac.new(pseudorandom, block + info + bytes([counter]), hashlib.sha256).digest()
        output += block
    return output[:length]


def chacha20_block(key: bytes, counter: int, nonce: bytes) -> bytes:
    """RFC 8439 section 2.3."""
    initial = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574, *struct.unpack("<8I", key), counter,
               *struct.unpack("<3I", nonce)]
    state = list(initial)

    def quarter(a: int, b: int, c: int, d: int) -> None:
        for first, second, third, bits in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            state[first] = (state[first] + state[second]) & MASK
            mixed = state[third] ^ state[first]
            state[third] = ((mixed << bits) | (mixed >> (32 - bits))) & MASK

    for _ in range(10):
        for column in range(4):
            quarter(column, 4 + column, 8 + column, 12 + column)
        for diagonal in range(4):
            quarter(diagonal, 4 + (diagonal + 1) % 4, 8 + (diagonal + 2) % 4, 12 + (diagonal + 3) % 4)
    return struct.pack("<16I", *((word + start) & MASK for word, start in zip(state, initial)))


def normals(seed: bytes, count: int) -> list[float]:
    result: list[float] = []
    counter = 0
    while len(result) < count:
        words = struct.unpack("<8Q", chacha20_block(seed, counter, bytes(12)))
        counter += 1
        for first, second in zip(words[::2], words[1::2]):
            u, v = ((first >> 11) + 1) / 2**53, (second >> 11) / 2**53
            radius = math.sqrt(-2 * math.log(u))
            result += [radius * math.cos(2 * math.pi * v), radius * math.sin(2 * math.pi * v)]
    return result[:count]


def seed(model_key: bytes, manifest_digest: bytes, tensor: bytes, index: int) -> bytes:
    key = hkdf(model_key, b"", b"infenclave boundary noise v1\0", 32)
    message = manifest_digest + hashlib.sha256(tensor).digest() + struct.pack("<I", index)
    return hmac.new(key, message, hashlib.sha256).digest()


def case(model_key: bytes, manifest: bytes, floats: list[float], index: int, count: int) -> dict:
    tensor = struct.pack(f"<{len(floats)}f", *floats)
    digest = hashlib.sha256(manifest).digest()
    made = seed(model_key, digest, tensor, index)
    # The numbers at the ends and around a piece of the key stream; the sum holds the others.
    numbers = normals(made, count)
    shown = sorted({0, 1, 2, 3, 510, 511, 512, 513, count - 2, count - 1} & set(range(count)))
    return {"modelKey": model_key.hex(), "manifestDigest": digest.hex(), "input": tensor.hex(), "index": index,
            "seed": made.hex(), "count": count, "at": shown, "normals": [numbers[place] for place in shown],
            "sum": math.fsum(numbers), "squares": math.fsum(number * number for number in numbers)}


if __name__ == "__main__":
    # RFC 8439 section 2.3.2.
    block = chacha20_block(bytes(range(32)), 1, bytes.fromhex("000000090000004a00000000"))
    assert block.hex().startswith("10f1e7e4d13b5915500fdd1fa32071c4")
    key = bytes(range(32))
    other = hashlib.sha256(b"another model key").digest()
    picture = [1, -0.5, 0.25, 2, 0, 0.75, -1, 3]
    cases = [case(key, b"{}", picture, 0, 8), case(key, b"{}", picture, 1, 7), case(other, b"{}", picture, 0, 8),
             case(key, b"{ }", picture, 0, 8), case(key, b"{}", picture[::-1], 0, 3001)]
    print(json.dumps({"block": block.hex(), "cases": cases}, indent=1))
