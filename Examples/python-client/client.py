#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A client of Infenclave in one file, written from Documentation/protocol.md alone.

It verifies an enclave of the development TEE against a policy, encrypts one picture to it with X-Wing or X25519, and
prints the classes of the answer. Hardware TEEs are not implemented. Needs Python 3.11, `cryptography` 48 and Pillow.
"""

import argparse, ast, base64, hashlib, hmac, http.client, json, math, secrets, struct, sys, unicodedata
import urllib.error, urllib.request
from fractions import Fraction
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from PIL import Image, ImageOps

KEM_XWING, KEM_X25519, KDF_SHA256, AEAD_AES256 = 0x647A, 0x0020, 0x0001, 0x0002
PUBLIC_KEY_BYTES = {KEM_XWING: 1216, KEM_X25519: 32}  # in the order of preference
FILES = {1: "frontnet.sealed", 2: "mapping.sealed", 3: "backnet.graph", 4: "backnet.onnx", 5: "backnet.precision"}
PREPROCESSING = {"width", "height", "channels", "resize", "interpolation", "mean", "std"}
RESIZES = {  # their members
    "shorterSide": {"length", "rounding"}, "stretch": {"width", "height", "rounding"}, "letterbox": {"fill"}, "none": set()}
CHANNELS = {"RGB": 3, "BGR": 3, "grey": 1}
ASSETS = ["appearance", "identity", "class"]
PRECISIONS = {"f32": 1, "bf16": 2, "int8": 3}
STATES = {1: "is not provisioned", 2: "is provisioned", 3: "had a lease that has ended"}
STATUSES = ["answered", "malformed request", "unknown token", "wrong tensor type", "replayed", "over a limit",
            "the host's part failed", "the enclave failed", "the owner's lease has ended",
            "too many requests a minute"]

class Refused(Exception):
    """The peer or a file is invalid. `code` is that of the host's refusal, if it sent one."""

    def __init__(self, message, code=None):
        super().__init__(message)
        self.code = code

def require(condition, message):
    if not condition:
        raise Refused(message)

# --- Readers: each checks every length, and end() refuses remaining bytes

class Reader:
    def __init__(self, data, what):
        self.data, self.what, self.offset = data, what, 0

    def take(self, count):
        require(0 <= count <= len(self.data) - self.offset, f"{self.what}: cut short")
        self.offset += count
        return self.data[self.offset - count:self.offset]

    def read(self, layout):
        values = struct.unpack(layout, self.take(struct.calcsize(layout)))
        return values[0] if len(values) == 1 else values

    def integer(self):
        """A variable-length integer of RFC 9000."""
        first = self.read("B")
        size = 1 << (first >> 6)
        return int.from_bytes(bytes([first & 63]) + self.take(size - 1), "big")

    def end(self):
        require(self.offset == len(self.data), f"{self.what}: bytes left over")

def read_json(data, what):
    def members(pairs):
        require(len(dict(pairs)) == len(pairs), f"{what}: a member is there twice")
        return dict(pairs)

    def constant(name):
        raise Refused(f"{what}: {name} is not JSON")

    try:
        value = json.loads(data, object_pairs_hook=members, parse_constant=constant)
    except (ValueError, RecursionError) as error:
        raise Refused(f"{what}: {error}") from None
    require(isinstance(value, dict), f"{what}: not an object")
    return value

def member(value, path, *kinds):
    """The member at a dotted path, which has to exist and have one of the types, if any are given."""
    for name in path.split("."):
        require(isinstance(value, dict) and name in value, f"{path}: not there")
        value = value[name]
    require(not kinds or type(value) in kinds, f"{path}: another type")
    return value

def unhex(text, size=None):
    try:
        data = bytes.fromhex(text)
    except ValueError:
        data = b""  # what comes back is empty, and so in another form
    require(data and data.hex() == text.lower() and size in (None, len(data)), f"not hexadecimal: {text!r}")
    return data

def unbase64(text):
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        data = b""
    require(data and base64.b64encode(data).decode() == text, "not base64, or in another form")
    return data

# --- HTTP

# One of 256 values: balancers in front of several servers route all requests with the same value to the same server.
ROUTE = f"{secrets.randbelow(256):02x}"

def fetch(url, body=None, content_type=None, limit=8 << 20):
    """The body of a 200 answer and its type."""
    headers = {"infenclave-route": ROUTE} | ({"Content-Type": content_type} if body else {})
    request = urllib.request.Request(url, data=body, headers=headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=120) as response:
            data = response.read(limit + 1)
            require(len(data) <= limit, "the answer is too long")
            return data, response.headers.get("Content-Type", "")
    except urllib.error.HTTPError as error:
        text, code = error.read(10_000).decode(errors="replace"), None
        try:
            code = member(json.loads(text), "error.code", str)
        except (Refused, ValueError):
            pass  # not the host's words, but a proxy's, say
        raise Refused(f"HTTP {error.code}: {text[:1000]}", code) from None
    except urllib.error.URLError as error:
        raise Refused(f"{url}: {error.reason}") from None

# --- What the enclave and the owner state (protocol.md, sections 3 and 9)

class Service(NamedTuple):
    floats: bool
    precision: int
    shape: tuple  # channels, height, width
    classes: int
    top: int
    sigma: float
    to_host: list  # the shape of each f32 tensor that crosses
    from_host: list

def read_service(data):
    reader = Reader(data, "service facts")
    version, inputs, precision, *shape, classes, top, sigma = reader.read("<HBBIIIIId")
    require(version == 1 and inputs in (1, 3) and 1 <= precision <= 3 and all(1 <= extent <= 65_536 for extent in shape)
            and 2 <= classes <= 1_048_576 and 1 <= top <= classes
            and (struct.pack("<d", sigma) == bytes(8) or 1e-6 <= sigma <= 1e6), "service facts: out of bounds")
    crossing = []
    for _ in range(2):
        crossing.append([])
        count = reader.read("<H")
        require(count <= 256, "service facts: too many tensors")
        for _ in range(count):
            element, rank = reader.read("<BB")
            require(element == 1 and rank <= 12, "service facts: something crosses that is not an f32 tensor")
            crossing[-1].append(list(struct.unpack(f"<{rank}Q", reader.take(8 * rank))))
            require(1 <= math.prod(crossing[-1][-1]) <= 1 << 34, "service facts: a tensor of another size")
    reader.end()
    require(bool(crossing[0]) == bool(crossing[1]), "service facts: tensors cross one way only")
    require(crossing[0] or sigma == 0, "service facts: noise where nothing crosses")
    return Service(inputs == 3, precision, tuple(shape), classes, top, sigma, *crossing)

def boundary_bytes(service):
    return sum(4 * math.prod(shape) for shape in service.to_host)

class Facts(NamedTuple):
    parts: list  # the digests of both sealed parts
    state: int
    lease: int  # seconds; 0 but in state 2
    service: bytes  # empty but in state 2

def read_facts(data):
    reader = Reader(data, "facts")
    require(reader.take(8) == b"INFFACTS" and reader.read("<H") == 1, "facts: another format")
    parts, state, lease, service = [reader.take(32), reader.take(32)], reader.read("B"), 0, b""
    require(state in STATES, "facts: another state")
    if state == 2:
        sequence, lease, left, size = reader.read("<QIII")
        require(sequence >= 1 and 1 <= lease <= 126_230_400 and left <= lease, "facts: a lease out of bounds")
        service = reader.take(size)
    reader.end()
    return Facts(parts, state, lease, service)

class Core(NamedTuple):
    identifier: bytes
    owner: bytes
    service: bytes
    parts: dict  # kind: (bytes, digest)
    manifest: bytes  # the digest of manifest.json

def read_core(data):
    require(len(data) <= 65_536, "manifest core: too long")
    reader = Reader(data, "manifest core")
    require(reader.take(8) == b"INFCORE\0" and reader.read("<H") == 2, "manifest core: another format")
    identifier, owner, service = reader.take(16), reader.take(32), reader.take(reader.read("<I"))
    parts = [reader.read("<BQ32s") for _ in range(reader.read("B"))]
    manifest, kinds = reader.take(32), [part[0] for part in parts]
    reader.end()
    require(kinds == sorted(set(kinds)) and {1, 2} <= set(kinds) <= set(FILES), "manifest core: other parts")
    crosses = bool(read_service(service).to_host)
    require(3 in kinds if crosses else kinds == [1, 2], "manifest core: other parts")
    return Core(identifier, owner, service, {kind: (size, digest) for kind, size, digest in parts}, manifest)

def read_manifest(data, core):
    """manifest.json, which has to agree with its core."""
    require(len(data) <= 1 << 20, "manifest: too long")
    manifest, service = read_json(data, "manifest"), read_service(core.service)

    def tensors(name):
        return [[member(one, part) for part in ("shape", "type", "bytes")] + [type(member(one, "tensor")) is str]
                for one in member(manifest, f"boundary.{name}", list)]

    def listed(shapes):
        return [[shape, "f32", 4 * math.prod(shape), True] for shape in shapes]

    how, sigma = member(manifest, "input.preprocessing", dict), member(manifest, "boundary", dict).get("sigma", 0)
    precision = PRECISIONS.get(member(manifest, "precision", str), 0)
    parts = [1, 2] + ([3, 4] + ([5] if precision > 1 else []) if service.to_host else [])
    for what, said, meant in (
        ("formatVersion", member(manifest, "formatVersion"), 2),
        ("identifier", member(manifest, "identifier"), core.identifier.hex()),
        ("ownerPublicKey", member(manifest, "ownerPublicKey"), core.owner.hex()),
        ("input.shape", member(manifest, "input.shape"), [1, *service.shape]),
        ("input.elements", member(manifest, "input.elements"), ["u8", "f32"][:1 + service.floats]),
        ("preprocessing", [CHANNELS.get(member(how, "channels", str)), member(how, "height"), member(how, "width")],
         service.shape),
        ("preprocessing", sorted(how), sorted(PREPROCESSING)),
        ("everythingInside", member(manifest, "cuts.everythingInside"), not service.to_host),
        ("toBackNet", tensors("toBackNet"), listed(service.to_host)),
        ("fromBackNet", tensors("fromBackNet"), listed(service.from_host)),
        ("sigma", float(sigma) if type(sigma) is int else sigma, service.sigma),
        ("sigma", "sigma" in manifest["boundary"], service.sigma > 0),
        ("classes", member(manifest, "classes"), service.classes),
        ("topK", member(manifest, "topK"), service.top),
        # The manifest's value covers the BackNet too, whose precision may be lower.
        ("precision", precision >= service.precision, True),
        ("parts", list(core.parts), parts),
        ("parts", sorted([member(part, name) for name in ("file", "bytes", "sha256", "sealed")]
                         for part in member(manifest, "parts", list)),
         sorted([FILES[kind], size, digest.hex(), kind < 3] for kind, (size, digest) in core.parts.items())),
    ):  # as JSON, in which true is not 1
        require(json.dumps(said) == json.dumps(meant), f"manifest.json and its core differ in {what}")
    for name in ("model.name", "input.name", "cuts.front", "cuts.mapping"):
        member(manifest, name, str)
    return manifest

# --- The policy (policy.schema.json)

def hex32(value):
    return type(value) is str and unhex(value, 32)

def natural(value):
    return type(value) is int and value >= 0

def number(value):
    return type(value) in (int, float) and 0 <= value < math.inf

def assets(value):
    """A list of some of these values, each once."""
    return (type(value) is list and all(type(one) is str for one in value) and set(value) <= set(ASSETS)
            and len(set(value)) == len(value))

POLICY = {
    "version": lambda value: type(value) is int and value == 2,
    "tee": lambda value: type(value) is list and value and set(value) <= {"sgx", "tdx", "snp", "nitro", "development"},
    "ownerPublicKey": hex32, "manifestDigest": hex32, "developmentKey": hex32,
    "measurements": lambda value: type(value) is dict and value and all(
        type(values) is list and values and all(map(unhex, values)) for values in value.values()),
    "everythingInside": lambda value: value is True, "pixelsOnly": lambda value: value is True,
    "maximumBoundaryBytes": natural, "maximumLeaseSeconds": natural, "minimumSigma": number, "maximumSigma": number,
    "assessment": lambda value: type(value) is dict and value not in ({}, {"protects": []}) and value.keys() <= {"sha256", "gates", "protects", "attackerPictures"}
        and hex32(value.get("sha256", "0" * 64)) and value.get("gates", "strict") in ("standard", "strict")
        and assets(value.get("protects", [])) and value.get("attackerPictures", 1) != 0
        and natural(value.get("attackerPictures", 1)),
    "skip": lambda value: type(value) is dict and value.keys() <= SKIPPED and all(
        type(reason) is str and reason for reason in value.values()),
    # These members loosen demands on hardware. Development evidence satisfies none of the schema's other demands on
    # hardware.
    **dict.fromkeys(("tcbStatuses", "advisories", "allowDebug", "allowMigration", "maximumVMPL", "maximumAgeSeconds"),
                    lambda value: True),
}
SKIPPED = {"manifestDigest", "measurements", "productID", "minimumTCB", "flags", "advisories",
           "minimumEvaluationDataNumber", "maximumAgeSeconds", "revocation", "everythingInside"}

def read_policy(data):
    policy = {"skip": {}, **read_json(data, "policy")}
    for name, value in policy.items():
        require(name in POLICY, f"policy: {name} is unknown, or not for the development TEE")
        require(POLICY[name](value), f"policy: {name} is not as the schema says")
        require(name not in policy["skip"], f"policy: {name} is both demanded and skipped")
    require("version" in policy, "policy: no version")
    require("tee" in policy, "policy: no TEE")
    return policy

def judge_service(policy, service):
    """The demands on the service facts."""
    least, most, inside = policy.get("minimumSigma", 0), policy.get("maximumSigma", math.inf), not service.to_host
    require(inside or "everythingInside" not in policy, "everything-inside: something crosses to the host")
    require(policy.keys() & {"everythingInside", "manifestDigest"} or "everythingInside" in policy["skip"],
            "everything-inside: the policy neither demands it, nor pins the manifest, nor says why not")
    require(boundary_bytes(service) <= policy.get("maximumBoundaryBytes", math.inf),
            f"boundary: {boundary_bytes(service)} bytes cross to the host")
    require(inside or least <= service.sigma <= most, f"noise: sigma is {service.sigma}")
    require(not service.floats or "pixelsOnly" not in policy, "inputs: the enclave takes floats")

def judge_assessment(wanted, manifest):
    """The manifest's record of the assessment, which has to be well-formed even if the policy demands none."""
    status, digest, _, gates, adversary = (member(manifest, f"assessment.{name}", str)
                                           for name in ("status", "sha256", "headline", "gates", "adversary"))
    passes, pictures = member(manifest, "assessment.passes", bool), member(manifest, "assessment.pictures", int)
    protected = member(manifest, "assessment.protected", list)
    attacker = member(manifest, "assessment.attackerPictures", int)
    if status == "none":
        require((digest, gates, adversary, passes, pictures, protected, attacker) == ("", "", "", False, 0, [], 0),
                "assessment: malformed")
        require(not wanted, "assessment: there was none")
    else:
        require(protected == [asset for asset in ASSETS if asset in protected]
                and 1 <= attacker <= 1 << 53, "assessment: malformed")
        require(status == "assessed" and unhex(digest, 32).hex() == digest and gates in ("standard", "strict", "custom")
                and adversary in ("paper", "informed", "both") and 1 <= pictures <= 1 << 31, "assessment: malformed")
    require(wanted.get("sha256", digest).lower() == digest, "assessment: another one")
    if wanted.keys() & {"gates", "attackerPictures"} or wanted.get("protects"):
        require(passes and adversary in ("informed", "both"), "assessment: not passed against an informed adversary")
        # What the policy leaves out is the default of `assess`: custom gates can have any limits.
        require(gates in ("strict", wanted.get("gates", "standard")), "assessment: by other gates")
        require(wanted.get("attackerPictures", 100_000) <= attacker, "assessment: against a weaker attacker")
    require(set(wanted.get("protects", [])) <= set(protected), "assessment: protects something else")

# --- Attestation (sections 2 to 4; attestation-checks.md names the checks)

class Enclave(NamedTuple):
    manifest: dict
    service: Service
    key_id: int
    kem: int
    public_key: bytes

def verify(public_key, signature, message, what):
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except InvalidSignature:
        raise Refused(f"{what}: not signed by {public_key.hex()}") from None

def read_development_report(report, policy, tee):
    """The report data of a development report that policy and caller accept."""
    reader = Reader(report, "evidence-format")
    require(reader.take(8) == b"INFDEV\0\1", "evidence-format: not a development report")
    measurement, report_data, key, signature = (reader.take(size) for size in (48, 64, 32, 64))
    reader.end()
    require("development" in policy["tee"] and tee == "development", "development-accepted: not by policy and caller")
    require(key == unhex(policy.get("developmentKey", "00")), "development-key: another one than the policy pins")
    verify(key, signature, b"infenclave development report v1\0" + report[:120], "development-signature")
    for name, accepted in policy.get("measurements", {}).items():
        known = name.lower().replace("_", "").replace("-", "") == "development"
        require(known and measurement in map(unhex, accepted), f"measurements: {name} has another value")
    require("measurements" in policy or "measurements" in policy["skip"], "measurements: the policy pins none")
    return report_data

def attest(server, policy, tee=None):
    """A provisioned enclave that satisfies the policy. The development TEE is accepted only if `tee` names it."""
    nonce = secrets.token_bytes(32)
    document = read_json(fetch(f"{server}/.well-known/infenclave/evidence?nonce={nonce.hex()}")[0], "evidence")
    require(member(document, "version", int) == 2, "evidence-format: another version of the document")
    kind, epoch = member(document, "tee", str), unhex(member(document, "epoch", str), 16)
    evidence, keys, core_bytes, manifest_bytes, signature, facts_bytes = (
        unbase64(member(document, name, str))
        for name in ("evidence", "keyConfiguration", "manifestCore", "manifest", "manifestSignature", "facts"))
    require(kind == "development", "tee-kind: this client verifies no evidence but the development TEE's")
    require(member(document, "collateral", dict) == {}, "evidence-format: collateral of the development TEE")
    report_data = read_development_report(evidence, policy, tee)

    require(unhex(member(document, "nonce", str)) == nonce, "nonce: the evidence is for another one")
    core, owner = read_core(core_bytes), unhex(policy.get("ownerPublicKey", "00"))
    require(core.owner == owner, "owner-key: the manifest core names another one")
    verify(owner, signature, b"infenclave manifest v2\0" + core_bytes, "manifest-signature")
    digest = hashlib.sha256(core_bytes).digest()
    pinned = policy.get("manifestDigest")
    require(unhex(pinned) == digest if pinned else "manifestDigest" in policy["skip"],
            "manifest-digest: another manifest core than the policy pins")
    require(hashlib.sha256(manifest_bytes).digest() == core.manifest, "manifest-twin: another manifest.json")
    transcript = b"".join(struct.pack("<I", len(part)) + part for part in (nonce, keys, facts_bytes))
    transcript = b"infenclave report data v2\0" + transcript + digest + owner + epoch
    require(hashlib.sha512(transcript).digest() == report_data, "report-data: the evidence is bound to something else")

    facts, service = read_facts(facts_bytes), read_service(core.service)
    require(facts.parts == [core.parts[1][1], core.parts[2][1]], "enclave-parts: others than the manifest core lists")
    require(facts.state == 2, f"the enclave {STATES[facts.state]}: nothing is sealed to it")
    require(facts.service == core.service, "enclave-service: another one than the manifest core states")
    judge_service(policy, service)
    require(facts.lease <= policy.get("maximumLeaseSeconds", math.inf), f"lease: {facts.lease} s")
    manifest = read_manifest(manifest_bytes, core)
    judge_assessment(policy.get("assessment", {}), manifest)
    return Enclave(manifest, service, *choose_key(keys))

def choose_key(data):
    """Key id, KEM and public key of the entry that a client prefers."""
    require(1 <= len(data) <= 8192, "key configuration: another length")
    reader, offers, seen = Reader(data, "key configuration"), {}, set()
    while reader.offset < len(data):
        entry = Reader(reader.take(reader.read(">H")), "key configuration")
        key_id, kem = entry.read(">BH")
        require(key_id not in seen, "key configuration: one id twice")
        seen.add(key_id)
        if kem in PUBLIC_KEY_BYTES:
            public_key, size = entry.take(PUBLIC_KEY_BYTES[kem]), entry.read(">H")
            require(size >= 4 and size % 4 == 0, "key configuration: no pair, or half a one")
            pairs = [entry.read(">HH") for _ in range(size // 4)]
            entry.end()
            if (KDF_SHA256, AEAD_AES256) in pairs:
                offers.setdefault(kem, (key_id, kem, public_key))
    for kem in PUBLIC_KEY_BYTES:
        if kem in offers:
            return offers[kem]
    raise Refused("key configuration: no key for X-Wing or X25519 with HKDF-SHA256 and AES-256-GCM")

# --- HPKE, base mode, HKDF-SHA256, AES-256-GCM (RFC 9180)

def extract(salt, key):
    return hmac.new(salt or b"\0" * 32, key, hashlib.sha256).digest()

def expand(key, info, length):
    assert length <= 32, "one block is all that is needed here"
    return hmac.new(key, info + b"\x01", hashlib.sha256).digest()[:length]

def labeled_extract(suite, salt, label, key):
    return extract(salt, b"HPKE-v1" + suite + label + key)

def labeled_expand(suite, key, label, context, length):
    return expand(key, struct.pack(">H", length) + b"HPKE-v1" + suite + label + context, length)

def encapsulate(kem, public_key):
    """Shared secret and encapsulated key."""
    ephemeral, theirs = X25519PrivateKey.generate(), public_key[-32:]
    shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(theirs))  # refuses keys of small order
    ours = ephemeral.public_key().public_bytes_raw()
    if kem == KEM_XWING:  # draft-connolly-cfrg-xwing-kem
        secret, ciphertext = MLKEM768PublicKey.from_public_bytes(public_key[:-32]).encapsulate()
        return hashlib.sha3_256(secret + shared + ours + theirs + b"\\.//^\\").digest(), ciphertext + ours
    suite = b"KEM" + struct.pack(">H", kem)
    secret = labeled_extract(suite, b"", b"eae_prk", shared)
    return labeled_expand(suite, secret, b"shared_secret", ours + theirs, 32), ours

def seal(kem, public_key, info, plaintext):
    """Encapsulated key, ciphertext, and the secret exported for the answer."""
    shared, encapsulated = encapsulate(kem, public_key)
    suite = b"HPKE" + struct.pack(">HHH", kem, KDF_SHA256, AEAD_AES256)
    context = b"\0" + labeled_extract(suite, b"", b"psk_id_hash", b"")
    context += labeled_extract(suite, b"", b"info_hash", info)
    secret = labeled_extract(suite, shared, b"secret", b"")
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

def content_type(kind):
    return counted(b"content-type") + counted(b"application/vnd.infenclave." + kind)

def classify(server, enclave, token, element, shape, data):
    """(class index, probability, name) of each entry of the answer, in its order."""
    head = struct.pack("<BBBB", 1, {"f32": 1, "u8": 2}[element], len(shape), 0)
    body = head + token + struct.pack(f"<{len(shape)}I", *shape) + data
    authority = server.split("://", 1)[1].encode()
    request = (b"\0" + counted(b"POST") + counted(b"https") + counted(authority) + counted(b"/v1/classify")
               + counted(content_type(b"request")) + counted(body) + b"\0")
    header = struct.pack(">BHHH", enclave.key_id, enclave.kem, KDF_SHA256, AEAD_AES256)
    info = b"message/bhttp request\0" + header
    encapsulated, ciphertext, exported = seal(enclave.kem, enclave.public_key, info, request)
    answer, kind = fetch(f"{server}/ohttp", header + encapsulated + ciphertext, "message/ohttp-req")
    require(kind == "message/ohttp-res" and len(answer) >= 48, "not a sealed answer")
    pseudorandom = extract(encapsulated + answer[:32], exported)
    key, nonce = expand(pseudorandom, b"key", 32), expand(pseudorandom, b"nonce", 12)
    try:
        return read_answer(content(AESGCM(key).decrypt(nonce, answer[32:], b"")), enclave.service)
    except InvalidTag:
        raise Refused("the answer does not open") from None

def content(response):
    """The content of a known-length binary HTTP response with status 200."""
    reader = Reader(response, "binary HTTP")
    framing, status = reader.integer(), reader.integer()
    require(framing == 1 and status == 200, f"binary HTTP: framing {framing}, status {status}")
    fields, body, trailer = (reader.take(reader.integer()) for _ in range(3))
    require(fields == content_type(b"answer") and not trailer, "binary HTTP: another answer")
    require(not any(response[reader.offset:]), "binary HTTP: bytes left over")
    return body

def read_answer(body, service):
    reader = Reader(body, "answer")
    version, zero, status, count, width = reader.read("<BBHHH")
    require(version == 1 and zero == 0 and count == service.top, "answer: another layout")
    entries, rest = [], Reader(reader.take(count * (10 + width)), "answer")
    reader.end()
    require(status < len(STATUSES), f"answer: unknown status {status}")
    if status:
        require(not any(rest.data), "answer: a refusal with entries")
        raise Refused(f"refused: {STATUSES[status]} (status {status})")
    for _ in range(count):
        index, probability, size = rest.read("<IfH")
        name = Reader(rest.take(width), "answer")
        entries.append((index, probability, name.take(size).decode()))
        require(index < service.classes and 0 <= probability <= 1 and not any(name.data[size:]), "answer: bad entry")
    require(entries == sorted(entries, key=lambda entry: (-entry[1], entry[0])), "answer: not in order")
    require(len({entry[0] for entry in entries}) == count, "answer: a class twice")
    return entries

# --- Files

def read_token(path):
    text, prefix = open(path).read(), "infenclave-token-v1:"
    require(text.startswith(prefix) and text.endswith("\n"), f"{path} is no access token")
    token = unbase64(text[len(prefix):-1])
    require(len(token) == 32, f"{path} is no access token")
    return token

def read_npy(data):
    reader = Reader(data, "npy")
    require(reader.take(6) == b"\x93NUMPY", "not a .npy")
    version = reader.read("<H")
    header = reader.take(reader.read("<H" if version == 1 else "<I")).decode("latin-1")
    try:
        header = ast.literal_eval(header)
    except SyntaxError as error:
        raise Refused(f"npy: {error}") from None
    element, shape = {"<f4": "f32", "|u1": "u8"}.get(member(header, "descr")), member(header, "shape", tuple)
    require(element and member(header, "fortran_order") is False, "expected a .npy of float32 or uint8 in C order")
    elements = reader.take(math.prod(shape) * (4 if element == "f32" else 1))
    reader.end()
    return element, shape, elements

def read_picture(path, how):
    """u8 [1, height, width, channels], as preprocess.json says (deploying.md)."""
    picture = ImageOps.exif_transpose(Image.open(path)).convert("RGBA")
    picture = Image.alpha_composite(Image.new("RGBA", picture.size, (0, 0, 0, 255)), picture)
    picture = picture.convert("L" if how["channels"] == "grey" else "RGB")
    width, height, mode = how["width"], how["height"], how["resize"]["mode"]
    if mode == "shorterSide":
        scale = Fraction(how["resize"]["length"], min(picture.size))
    elif mode == "letterbox":
        scale = min(Fraction(width, picture.width), Fraction(height, picture.height))
    else:
        require(mode in ("stretch", "none"), f"this client does not resize by {mode}")
        scale = 1
    extra = set(how["resize"]) - {"mode", *RESIZES[mode]}
    require(not extra, f"this client does not know {', '.join(sorted(extra))} of {mode}")
    library = how["resize"].get("rounding")
    require(library in (None, "torchvision", "transformers"), f"this client does not round as {library}")
    size = tuple((int if library else round)(side * scale) for side in picture.size)
    if mode == "stretch":
        size = (how["resize"].get("width", width), how["resize"].get("height", height))
    for step in ((size[0], picture.height), size):  # from Pillow 13 on, one step would not always take this order
        picture = picture.resize(step, Image.Resampling[how["interpolation"].upper()])
    if mode == "letterbox":
        background = Image.new(picture.mode, (width, height), (how["resize"]["fill"],) * len(picture.getbands()))
        background.paste(picture, ((width - picture.width) // 2, (height - picture.height) // 2))
        picture = background
    left, top = picture.width - width, picture.height - height
    left, top = (round(left / 2), round(top / 2)) if library == "torchvision" else (left // 2, top // 2)
    require(left >= 0 and top >= 0, "the picture is too small")
    picture = picture.crop((left, top, left + width, top + height))
    if how["channels"] == "BGR":
        picture = Image.merge("RGB", picture.split()[::-1])
    return "u8", (1, height, width, len(picture.getbands())), picture.tobytes()

def main():
    arguments = argparse.ArgumentParser(description="Classify one picture in an attested enclave.")
    for name in ("--server", "--policy", "--token"):
        arguments.add_argument(name, required=True)
    arguments.add_argument("--tee", choices=["development"], help="accept this TEE, which the policy must name too")
    arguments.add_argument("input", help="a picture, or the model's input as .npy: u8 NHWC or f32 NCHW")
    options = arguments.parse_args()
    server, policy = options.server.rstrip("/"), read_policy(open(options.policy, "rb").read())
    token = read_token(options.token)

    def once():
        enclave = attest(server, policy, options.tee)
        if options.input.endswith(".npy"):
            element, shape, elements = read_npy(open(options.input, "rb").read())
        else:
            element, shape, elements = read_picture(options.input, enclave.manifest["input"]["preprocessing"])
        channels, height, width = enclave.service.shape
        wanted = {"u8": (1, height, width, channels), "f32": (1, channels, height, width)}[element]
        require(tuple(shape) == wanted, f"the model takes {element} {wanted}, this is {tuple(shape)}")
        require(element == "u8" or enclave.service.floats, "the enclave takes only u8")
        return classify(server, enclave, token, element, shape, elements)

    try:
        answer = once()
    except Refused as refused:
        if refused.code not in ("unknownKey", "undecipherable", "wrongEpoch"):
            raise
        answer = once()  # the enclave has new keys
    print("warning: the development TEE protects nothing: whoever owns the server's machine can read everything and forge its evidence", file=sys.stderr)
    for index, probability, name in answer:
        # The owner chose the name: it must not send commands to a terminal.
        shown = "".join("\ufffd" if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") else c for c in name)
        print(f"{probability:9.4%}  {index:4}  {shown}")

if __name__ == "__main__":
    try:
        main()
    except (Refused, OSError, ValueError, KeyError, TypeError, http.client.HTTPException) as error:
        sys.exit(f"client: {error}")
