# SPDX-License-Identifier: Apache-2.0
"""Writes an enclave image (EIF) that other programs signed, and prints its registers: `make_signed_image.py FILE`.

OpenSSL makes key and certificate with the commands of AWS's guide, pycose the COSE_Sign1 message, cbor2 the section, and
cryptography the certificate's digest. It needs `pip install pycose cbor2 cryptography`. The key is thrown away, so that each
run gives another image; `NitroSignatureTests` has the registers of the one in Fuzz/Corpus/enclave-image.
"""
import hashlib
import struct
import subprocess
import sys
import tempfile
import zlib

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from pycose.algorithms import Es384
from pycose.headers import Algorithm
from pycose.keys import EC2Key
from pycose.messages import Sign1Message

KERNEL, LINE, RAMDISKS = b"a kernel", b"reboot=k panic=30", [b"a ramdisk", b"another one"]
METADATA = b'{"ImageName":"signed"}'


def extended(content_digest):
    return hashlib.sha384(bytes(48) + content_digest).digest()


def register(*parts):
    return extended(hashlib.sha384(b"".join(parts)).digest())


def key_and_certificate(folder):
    key, request, certificate = (f"{folder}/{name}" for name in ["key.pem", "csr.pem", "certificate.pem"])
    for command in [
        ["ecparam", "-name", "secp384r1", "-genkey", "-out", key],
        ["req", "-new", "-key", key, "-sha384", "-nodes", "-subj", "/CN=signer", "-out", request],
        ["x509", "-req", "-days", "7300", "-in", request, "-out", certificate, "-sha384", "-signkey", key],
    ]:
        subprocess.run(["openssl", *command], check=True, capture_output=True)
    return open(key, "rb").read(), open(certificate, "rb").read()


def main():
    with tempfile.TemporaryDirectory() as folder:
        key_text, certificate_text = key_and_certificate(folder)
    certificate = x509.load_pem_x509_certificate(certificate_text)
    # OpenSSL writes the curve's parameters in front of the key.
    key = serialization.load_pem_private_key(key_text[key_text.index(b"-----BEGIN EC PRIVATE"):], None)

    registers = {
        "pcr0": register(KERNEL, LINE, *RAMDISKS),
        "pcr1": register(KERNEL, LINE, RAMDISKS[0]),
        "pcr2": register(*RAMDISKS[1:]),
        "pcr8": extended(certificate.fingerprint(hashes.SHA384())),
    }
    payload = cbor2.dumps({"register_index": 0, "register_value": list(registers["pcr0"])})
    message = Sign1Message(phdr={Algorithm: Es384}, payload=payload)
    message.key = EC2Key._from_cryptography_key(key)
    signature = cbor2.dumps(
        [{"signing_certificate": list(certificate_text), "signature": list(message.encode(tag=False))}])

    sections = [(1, KERNEL), (2, LINE), (5, METADATA), *((3, ramdisk) for ramdisk in RAMDISKS), (4, signature)]
    offset, offsets, body = 548, [], b""
    for kind, data in sections:
        offsets.append(offset)
        body += struct.pack(">HHQ", kind, 0, len(data)) + data
        offset += 12 + len(data)
    unused = [0] * (32 - len(sections))
    header = struct.pack(
        ">4sHHQQHH64QI", b".eif", 4, 0, 1 << 30, 2, 0, len(sections), *offsets, *unused,
        *(len(data) for _, data in sections), *unused, 0)
    checksum = zlib.crc32(body, zlib.crc32(header))
    with open(sys.argv[1], "wb") as file:
        file.write(header + struct.pack(">I", checksum) + body)
    for name, value in registers.items():
        print(name, value.hex())


if __name__ == "__main__":
    main()
