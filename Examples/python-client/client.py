#!/usr/bin/env python3
"""A client of Infenclave in one file, written from Documentation/protocol.md alone.

It verifies an enclave of the development TEE against a policy, seals one tensor to it with X25519, and prints the
classes that come back. Hardware TEEs, X-Wing and resizing are left out. Needs Python 3.9 and `cryptography`.
"""

import argparse, ast, base64, hashlib, hmac, json, secrets, struct, sys, zlib
import urllib.error, urllib.request

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEM_X25519, KDF_SHA256, AEAD_AES256 = 0x0020, 0x0001, 0x0002
PUBLIC_KEY_BYTES = {0x647A: 1216, KEM_X25519: 32}
STATUSES = ["answered", "malformed request", "unknown token", "wrong tensor type", "replayed", "over a limit",
            "the host's part failed", "the enclave failed"]

class Refused(Exception):
    """The peer or a file is not as it must be."""

def require(condition, message):
    if not condition:
        raise Refused(message)

# --- HTTP

def fetch(url, body=None, content_type=None, limit=8 << 20):
    """The body of a 200 answer and its type."""
    request = urllib.request.Request(url, data=body, headers={"Content-Type": content_type or "text/plain"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=120) as response:
            data = response.read(limit + 1)
            require(len(data) <= limit, "the answer is too long")
            return data, response.headers.get("Content-Type", "")
    except urllib.error.HTTPError as error:
        raise Refused(f"HTTP {error.code}: {error.read(1000).decode(errors='replace')}") from None
    except urllib.error.URLError as error:
        raise Refused(f"{url}: {error.reason}") from None

# --- Attestation (protocol.md, sections 2 and 3)

def verify(public_key, signature, message, what):
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except InvalidSignature:
        raise Refused(f"{what} is not signed by {public_key.hex()}") from None

def attest(server, policy):
    """The manifest and the X25519 key of an enclave that satisfies the policy: (manifest, key id, public key)."""
    nonce = secrets.token_bytes(32)
    document = json.loads(fetch(f"{server}/.well-known/infenclave/evidence?nonce={nonce.hex()}")[0])
    require(document["version"] == 1, "another version of the evidence document")
    require("development" in policy["tee"] and document["tee"] == "development", "not the development TEE")
    require(bytes.fromhex(document["nonce"]) == nonce, "the evidence is for another nonce")
    field = {name: base64.b64decode(document[name], validate=True)
             for name in ("evidence", "keyConfiguration", "manifest", "manifestSignature")}
    epoch, owner = bytes.fromhex(document["epoch"]), bytes.fromhex(policy["ownerPublicKey"])
    require(len(epoch) == 16 and len(owner) == 32, "epoch or owner key has another length")

    report = field["evidence"]
    require(len(report) == 216 and report[:8] == b"INFDEV\0\1", "not a development report")
    measurement, report_data, key, signature = report[8:56], report[56:120], report[120:152], report[152:]
    require(key.hex() == policy["developmentKey"].lower(), "signed by another development key")
    verify(key, signature, b"infenclave development report v1\0" + report[:120], "the report")
    require(measurement.hex() in [v.lower() for v in policy["measurements"]["development"]], "another enclave")

    manifest = field["manifest"]
    digest = hashlib.sha256(manifest).digest()
    verify(owner, field["manifestSignature"], b"infenclave manifest v1\0" + manifest, "the manifest")
    require(digest.hex() == policy["manifestDigest"].lower(), "another manifest than the policy pins")
    keys = field["keyConfiguration"]
    transcript = (b"infenclave report data v1\0" + struct.pack("<I", len(nonce)) + nonce
                  + struct.pack("<I", len(keys)) + keys + digest + owner + epoch)
    require(hashlib.sha512(transcript).digest() == report_data, "the report is bound to something else")

    parsed = json.loads(manifest)
    require(parsed["formatVersion"] == 1, "another version of the manifest")
    require(bytes.fromhex(parsed["ownerPublicKey"]) == owner, "the manifest names another owner")
    for key_id, kem, public_key, algorithms in key_configurations(keys):
        if kem == KEM_X25519 and (KDF_SHA256, AEAD_AES256) in algorithms:
            return parsed, key_id, public_key
    raise Refused("the enclave offers no key for X25519, HKDF-SHA256 and AES-256-GCM")

def key_configurations(data):
    while data:
        length, data = struct.unpack(">H", data[:2])[0], data[2:]
        entry, data = data[:length], data[length:]
        key_id, kem = struct.unpack(">BH", entry[:3])
        if kem not in PUBLIC_KEY_BYTES:
            continue
        end = 3 + PUBLIC_KEY_BYTES[kem]
        count = struct.unpack(">H", entry[end:end + 2])[0]
        require(len(entry) == length == end + 2 + count and count % 4 == 0, "a broken key configuration")
        yield key_id, kem, entry[3:end], [struct.unpack(">HH", entry[i:i + 4]) for i in range(end + 2, len(entry), 4)]

# --- HPKE, base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM (RFC 9180)

def extract(salt, key):
    return hmac.new(salt or b"\0" * 32, key, hashlib.sha256).digest()

def expand(key, info, length):
    assert length <= 32, "one block is all that is needed here"
    return hmac.new(key, info + b"\x01", hashlib.sha256).digest()[:length]

def seal(public_key, info, plaintext):
    """Encapsulated key, ciphertext, and the secret exported for the answer."""
    ephemeral = X25519PrivateKey.generate()
    shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(public_key))  # refuses keys of small order
    encapsulated = ephemeral.public_key().public_bytes_raw()

    def labeled_extract(suite, salt, label, key):
        return extract(salt, b"HPKE-v1" + suite + label + key)

    def labeled_expand(suite, key, label, context, length):
        return expand(key, struct.pack(">H", length) + b"HPKE-v1" + suite + label + context, length)

    kem = b"KEM" + struct.pack(">H", KEM_X25519)
    secret = labeled_extract(kem, b"", b"eae_prk", shared)
    secret = labeled_expand(kem, secret, b"shared_secret", encapsulated + public_key, 32)
    suite = b"HPKE" + struct.pack(">HHH", KEM_X25519, KDF_SHA256, AEAD_AES256)
    context = b"\0" + labeled_extract(suite, b"", b"psk_id_hash", b"")
    context += labeled_extract(suite, b"", b"info_hash", info)
    secret = labeled_extract(suite, secret, b"secret", b"")
    key = labeled_expand(suite, secret, b"key", context, 32)
    nonce = labeled_expand(suite, secret, b"base_nonce", context, 12)
    exporter = labeled_expand(suite, secret, b"exp", context, 32)
    exported = labeled_expand(suite, exporter, b"sec", b"message/bhttp response", 32)
    return encapsulated, AESGCM(key).encrypt(nonce, plaintext, b""), exported

# --- The request and its answer (sections 5 to 7)

def integer(value):
    """A variable-length integer of RFC 9000."""
    for bits, size, prefix in ((6, 1, 0), (14, 2, 1), (30, 4, 2), (62, 8, 3)):
        if value < 1 << bits:
            return (value | prefix << (8 * size - 2)).to_bytes(size, "big")

def counted(text):
    return integer(len(text)) + text

def read_integer(data, offset):
    size = 1 << (data[offset] >> 6)
    return int.from_bytes(data[offset:offset + size], "big") & ((1 << (8 * size - 2)) - 1), offset + size

def classify(server, key_id, public_key, token, element, shape, data):
    head = struct.pack("<BBBB", 1, {"f32": 1, "u8": 2}[element], len(shape), 0)
    body = head + token + struct.pack(f"<{len(shape)}I", *shape) + data
    fields = counted(b"content-type") + counted(b"application/vnd.infenclave.request")
    authority = server.split("://", 1)[1].encode()
    request = (b"\0" + counted(b"POST") + counted(b"https") + counted(authority) + counted(b"/v1/classify")
               + counted(fields) + counted(body) + b"\0")
    header = struct.pack(">BHHH", key_id, KEM_X25519, KDF_SHA256, AEAD_AES256)
    encapsulated, ciphertext, exported = seal(public_key, b"message/bhttp request\0" + header, request)
    answer, kind = fetch(f"{server}/ohttp", header + encapsulated + ciphertext, "message/ohttp-req")
    require(kind == "message/ohttp-res" and len(answer) >= 48, "not a sealed answer")
    pseudorandom = extract(encapsulated + answer[:32], exported)
    key, nonce = expand(pseudorandom, b"key", 32), expand(pseudorandom, b"nonce", 12)
    try:
        return parse_answer(content(AESGCM(key).decrypt(nonce, answer[32:], b"")))
    except InvalidTag:
        raise Refused("the answer does not open") from None

def content(response):
    """The content of a known-length binary HTTP response with status 200."""
    framing, offset = read_integer(response, 0)
    status, offset = read_integer(response, offset)
    require(framing == 1 and status == 200, f"binary HTTP framing {framing}, status {status}")
    length, offset = read_integer(response, offset)
    length, offset = read_integer(response, offset + length)
    return response[offset:offset + length]

def parse_answer(body):
    version, zero, status, classes, width = struct.unpack("<BBHHH", body[:8])
    require(version == 1 and zero == 0 and len(body) == 8 + classes * (10 + width), "an answer of another layout")
    require(status == 0, f"refused: {STATUSES[status] if status < len(STATUSES) else status}")
    for start in range(8, len(body), 10 + width):
        index, probability, length = struct.unpack("<IfH", body[start:start + 10])
        yield index, probability, body[start + 10:start + 10 + length].decode()

# --- Files

def read_token(path):
    text = open(path).read().strip()
    prefix = "infenclave-token-v1:"
    require(text.startswith(prefix), f"{path} is no access token")
    return base64.b64decode(text[len(prefix):], validate=True)

def read_npy(data):
    start, size = (10, struct.unpack("<H", data[8:10])[0]) if data[6] == 1 else (12, struct.unpack("<I", data[8:12])[0])
    header = ast.literal_eval(data[start:start + size].decode("latin-1"))
    element = {"<f4": "f32", "|u1": "u8"}.get(header["descr"])
    require(element and not header["fortran_order"], "expected a .npy of float32 or uint8 in C order")
    return element, header["shape"], data[start + size:]

def read_png(data):
    """Eight-bit RGB without interlacing, as u8 [1, height, width, 3]."""
    offset, pixels = 8, b""
    while offset < len(data):
        length, kind = struct.unpack(">I4s", data[offset:offset + 8])
        chunk, offset = data[offset + 8:offset + 8 + length], offset + 12 + length
        if kind == b"IHDR":
            width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", chunk)
            require((depth, colour, interlaced) == (8, 2, 0), "expected an 8-bit RGB PNG without interlacing")
        elif kind == b"IDAT":
            pixels += chunk
    pixels, rows, above = zlib.decompress(pixels), b"", bytearray(3 * width)
    for start in range(0, height * (3 * width + 1), 3 * width + 1):
        kind, row = pixels[start], bytearray(pixels[start + 1:start + 1 + 3 * width])
        for i in range(3 * width):
            a, b, c = (row[i - 3] if i > 2 else 0), above[i], (above[i - 3] if i > 2 else 0)
            p = a + b - c
            nearest = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            row[i] = (row[i] + (0, a, b, (a + b) // 2, nearest)[kind]) & 255
        rows, above = rows + row, row
    return "u8", (1, height, width, 3), rows

def main():
    arguments = argparse.ArgumentParser(description="Classify one picture in an attested enclave.")
    for name in ("--server", "--policy", "--token"):
        arguments.add_argument(name, required=True)
    arguments.add_argument("input", help=".npy (u8 NHWC or f32 NCHW), or a PNG of the model's own size")
    options = arguments.parse_args()
    server = options.server.rstrip("/")
    data = open(options.input, "rb").read()
    element, shape, pixels = read_png(data) if data.startswith(b"\x89PNG") else read_npy(data)
    manifest, key_id, public_key = attest(server, json.load(open(options.policy)))
    print("warning: the development TEE protects nothing from whoever owns the server's machine", file=sys.stderr)
    _, channels, height, width = manifest["input"]["shape"]
    wanted = {"u8": (1, height, width, channels), "f32": (1, channels, height, width)}[element]
    require(tuple(shape) == wanted, f"the model takes {element} {wanted}, this is {tuple(shape)}")
    token = read_token(options.token)
    for index, probability, name in classify(server, key_id, public_key, token, element, shape, pixels):
        print(f"{probability:9.4%}  {index:4}  {name}")

if __name__ == "__main__":
    try:
        main()
    except (Refused, OSError, ValueError, KeyError, struct.error) as error:
        sys.exit(f"client: {error}")
