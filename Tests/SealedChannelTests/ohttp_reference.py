# SPDX-License-Identifier: Apache-2.0
"""An independent implementation of Infenclave's sealed formats, and the maker of vectors.json.

Written from RFC 9180, RFC 9458, RFC 9292, draft-connolly-cfrg-xwing-kem-06 and the layouts in the doc comments of
SealedChannel, on top of Python's `cryptography` (48 or newer, for ML-KEM). Nothing here is shared with the Swift code.

    python3 ohttp_reference.py > vectors.json

Everything is derived from fixed seeds, except the encapsulations of X-Wing, whose randomness the library keeps to
itself: so those vectors change with each run, and stay valid. The example of RFC 9458 appendix A is checked first.
"""

import hashlib
import hmac
import json
import struct

from cryptography.hazmat.primitives.asymmetric import ed25519, mlkem, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KDF = 0x0001
X25519, XWING = 0x0020, 0x647A
KEY_BYTES = {1: 16, 2: 32}


def material(label, count):
    """Deterministic bytes that stand for random ones."""
    return hashlib.shake_256(b"infenclave vectors " + label.encode()).digest(count)


def extract(salt, ikm):
    return hmac.new(salt or bytes(32), ikm, hashlib.sha256).digest()


def expand(prk, info, count):
    output, block, counter = b"", b"", 1
    while len(output) < count:
        block = hmac.new(prk, block + info + bytes([counter]), hashlib.sha256).digest()
        output, counter = output + block, counter + 1
    return output[:count]


def labeled_extract(suite, salt, label, ikm):
    return extract(salt, b"HPKE-v1" + suite + label + ikm)


def labeled_expand(suite, prk, label, info, count):
    return expand(prk, struct.pack(">H", count) + b"HPKE-v1" + suite + label + info, count)


def x25519_public(private):
    return x25519.X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def x25519_encapsulate(public, ephemeral):
    enc = x25519_public(ephemeral)
    dh = x25519.X25519PrivateKey.from_private_bytes(ephemeral).exchange(
        x25519.X25519PublicKey.from_public_bytes(public))
    suite = b"KEM" + struct.pack(">H", X25519)
    prk = labeled_extract(suite, b"", b"eae_prk", dh)
    return labeled_expand(suite, prk, b"shared_secret", enc + public, 32), enc


def xwing_expand(seed):
    expanded = hashlib.shake_256(seed).digest(96)
    return mlkem.MLKEM768PrivateKey.from_seed_bytes(expanded[:64]), expanded[64:]


def xwing_public(seed):
    lattice, curve = xwing_expand(seed)
    return lattice.public_key().public_bytes_raw() + x25519_public(curve)


def xwing_encapsulate(public, ephemeral):
    lattice = mlkem.MLKEM768PublicKey.from_public_bytes(public[:1184])
    first, second = lattice.encapsulate()
    lattice_secret, ciphertext = (first, second) if len(first) == 32 else (second, first)
    curve_ciphertext = x25519_public(ephemeral)
    curve_secret = x25519.X25519PrivateKey.from_private_bytes(ephemeral).exchange(
        x25519.X25519PublicKey.from_public_bytes(public[1184:]))
    label = b"\\.//^\\"
    secret = hashlib.sha3_256(lattice_secret + curve_secret + curve_ciphertext + public[1184:] + label).digest()
    return secret, ciphertext + curve_ciphertext


class Context:
    """HPKE in base mode, one message."""

    def __init__(self, kem, aead, secret, info):
        self.suite = b"HPKE" + struct.pack(">HHH", kem, KDF, aead)
        psk_id_hash = labeled_extract(self.suite, b"", b"psk_id_hash", b"")
        info_hash = labeled_extract(self.suite, b"", b"info_hash", info)
        schedule = b"\0" + psk_id_hash + info_hash
        prk = labeled_extract(self.suite, secret, b"secret", b"")
        self.key = labeled_expand(self.suite, prk, b"key", schedule, KEY_BYTES[aead])
        self.nonce = labeled_expand(self.suite, prk, b"base_nonce", schedule, 12)
        self.exporter = labeled_expand(self.suite, prk, b"exp", schedule, 32)

    def seal(self, plaintext):
        return AESGCM(self.key).encrypt(self.nonce, plaintext, b"")

    def export(self, context, count):
        return labeled_expand(self.suite, self.exporter, b"sec", context, count)


def seal_message(key_id, kem, aead, public, ephemeral, label, plaintext):
    header = struct.pack(">BHHH", key_id, kem, KDF, aead)
    encapsulate = {X25519: x25519_encapsulate, XWING: xwing_encapsulate}[kem]
    secret, enc = encapsulate(public, ephemeral)
    context = Context(kem, aead, secret, label + b"\0" + header)
    return header + enc + context.seal(plaintext), enc, context


def seal_response(context, enc, aead, nonce, response):
    count = max(12, KEY_BYTES[aead])
    assert len(nonce) == count
    prk = extract(enc + nonce, context.export(b"message/bhttp response", count))
    key = expand(prk, b"key", KEY_BYTES[aead])
    return nonce + AESGCM(key).encrypt(expand(prk, b"nonce", 12), response, b"")


def key_configuration(key_id, kem, public, algorithms):
    pairs = b"".join(struct.pack(">HH", *pair) for pair in algorithms)
    return struct.pack(">BH", key_id, kem) + public + struct.pack(">H", len(pairs)) + pairs


def behind_length(configuration):
    return struct.pack(">H", len(configuration)) + configuration


def varint(value):
    for size, mark, limit in ((1, 0, 6), (2, 1, 14), (4, 2, 30), (8, 3, 62)):
        if value < 1 << limit:
            return (value | mark << (8 * size - 2)).to_bytes(size, "big")


def field(text):
    return varint(len(text)) + text


def binary_request(control, fields, content):
    section = b"".join(field(name) + field(value) for name, value in fields)
    return b"\0" + b"".join(map(field, control)) + field(section) + field(content) + b"\0"


def binary_response(status, fields, content):
    section = b"".join(field(name) + field(value) for name, value in fields)
    return b"\1" + varint(status) + field(section) + field(content) + b"\0"


def exchange(name, key_id, kem, aead, private, public, label):
    ephemeral = material(name + " ephemeral", 32)
    token = material("token", 32)
    elements = bytes(range(24))
    body = struct.pack("<BBBB", 1, 2, 3, 0) + token + struct.pack("<III", 2, 3, 4) + elements
    request = binary_request(
        [b"POST", b"https", b"example.com:8443", b"/v1/classify"],
        [(b"content-type", b"application/vnd.infenclave.request")], body)
    message, enc, context = seal_message(key_id, kem, aead, public, ephemeral, label, request)
    entries = b"".join(
        struct.pack("<IfH", index, probability, len(word)) + word.ljust(9, b"\0")
        for index, probability, word in ((7, 0.75, b"tabby cat"), (281, 0.25, "ö".encode())))
    answer = struct.pack("<BBHHH", 1, 0, 0, 2, 9) + entries
    response = binary_response(200, [(b"content-type", b"application/vnd.infenclave.answer")], answer)
    nonce = material(name + " nonce", max(12, KEY_BYTES[aead]))
    return {
        "keyIdentifier": key_id, "privateKey": private.hex(),
        "keyConfiguration": behind_length(key_configuration(key_id, kem, public, [(KDF, aead)])).hex(),
        "token": token.hex(), "elements": elements.hex(), "request": request.hex(), "message": message.hex(),
        "response": response.hex(), "responseNonce": nonce.hex(),
        "sealedResponse": seal_response(context, enc, aead, nonce, response).hex(),
    }


def provisioning(name, key_id, kem, private, public, owner_seed):
    owner = ed25519.Ed25519PrivateKey.from_private_bytes(owner_seed)
    keys = behind_length(key_configuration(key_id, kem, public, [(KDF, 2)]))
    model_key, epoch = material("model key", 32), material("epoch", 16)
    manifest = material("manifest", 32)
    clients = sorted(
        (hashlib.sha256(b"infenclave token v1\0" + material("client %d" % i, 32)).digest(), 1000 + i, 60 + i)
        for i in range(3))
    fields = struct.pack("<IQI", 2, 41, 86_400) + model_key + manifest + epoch + hashlib.sha256(keys).digest()
    fields += struct.pack("<II", 8, len(clients))
    fields += b"".join(token + struct.pack("<QI", requests, rate) for token, requests, rate in clients)
    signature = owner.sign(b"infenclave provisioning signature v2\0" + fields)
    message, _, _ = seal_message(
        key_id, kem, 2, public, material(name + " provisioning ephemeral", 32), b"infenclave provisioning v2",
        fields + signature)
    return {
        "keyIdentifier": key_id, "privateKey": private.hex(), "ownerPublicKey": owner.public_key().public_bytes_raw().hex(),
        "modelKey": model_key.hex(), "manifestDigest": manifest.hex(),
        "epoch": epoch.hex(), "tokens": [material("client %d" % i, 32).hex() for i in range(3)],
        "message": message.hex(),
    }


def sealed_part(name, plaintext, chunk):
    model_key, context, seed = material("model key", 32), material("context", 32), material("seed " + name, 32)
    padded = name.encode().ljust(32, b"\0")
    header = b"INFPART\0" + struct.pack("<IIQ", 2, chunk, len(plaintext)) + padded + seed
    key = expand(extract(context, model_key), b"infenclave sealed part v2\0" + padded + seed, 32)
    sealed, count = header, max(1, -(-len(plaintext) // chunk))
    for index in range(count):
        last = bytes([index == count - 1])
        sealed += AESGCM(key).encrypt(
            bytes(7) + struct.pack(">I", index) + last, plaintext[index * chunk:(index + 1) * chunk],
            header + context + struct.pack("<Q", index) + last)
    return {
        "name": name, "modelKey": model_key.hex(), "context": context.hex(), "seed": seed.hex(),
        "chunkBytes": chunk, "plaintext": plaintext.hex(), "sealed": sealed.hex(),
    }


def check_against_the_rfc():
    private = bytes.fromhex("3c168975674b2fa8e465970b79c8dcf09f1c741626480bd4c6162fc5b6a98e1a")
    ephemeral = bytes.fromhex("bc51d5e930bda26589890ac7032f70ad12e4ecb37abb1b65b1256c9c48999c73")
    request = bytes.fromhex("00034745540568747470730b6578616d706c652e636f6d012f")
    message, enc, context = seal_message(
        1, X25519, 1, x25519_public(private), ephemeral, b"message/bhttp request", request)
    assert message.hex() == (
        "010020000100014b28f881333e7c164ffc499ad9796f877f4e1051ee6d31bad19dec96c208b472"
        "6374e469135906992e1268c594d2a10c695d858c40a026e7965e7d86b83dd440b2c0185204b4d63525")
    response = seal_response(
        context, enc, 1, bytes.fromhex("c789e7151fcba46158ca84b04464910d"), bytes.fromhex("0140c8"))
    assert response.hex() == "c789e7151fcba46158ca84b04464910d86f9013e404feea014e7be4a441f234f857fbd"


def main():
    check_against_the_rfc()
    curve, seed, owner = material("x25519", 32), material("x-wing", 32), material("owner", 32)
    label = b"message/bhttp request"
    manifest = b'{"version":1}\n'
    signer = ed25519.Ed25519PrivateKey.from_private_bytes(owner)
    token = material("token", 32)
    print(json.dumps({
        "x25519": exchange("x25519", 7, X25519, 2, curve, x25519_public(curve), label),
        "xWing": exchange("x-wing", 200, XWING, 2, seed, xwing_public(seed), label),
        "provisioningX25519": provisioning("x25519", 7, X25519, curve, x25519_public(curve), owner),
        "provisioningXWing": provisioning("x-wing", 200, XWING, seed, xwing_public(seed), owner),
        "parts": [
            sealed_part("frontnet", material("plaintext", 200), 64),
            sealed_part("mapping", material("plaintext", 128), 64),
            sealed_part("mapping", b"", 64),
        ],
        "manifest": {
            "ownerSeed": owner.hex(), "ownerPublicKey": signer.public_key().public_bytes_raw().hex(),
            "manifest": manifest.hex(), "signature": signer.sign(b"infenclave manifest v2\0" + manifest).hex(),
        },
        "token": {
            "token": token.hex(), "digest": hashlib.sha256(b"infenclave token v1\0" + token).digest().hex(),
        },
    }, indent=1))


main()
