"""Checks the keys and signatures of documents: check_keys.py tuf|uptane ROOT DOCUMENT...

Prints `ROLE KEYTYPE BITS` for each key of a role that signed, or fails: an identifier is not the one that the tools
compute, or a signature does not hold. For TUF securesystemslib computes and verifies; for Uptane the rule is that of
aktualizr's PublicKey::KeyId (SHA-256 of the value as a JSON string, without its last line feeds), and `cryptography`
verifies over the sorted JSON.
"""

import base64
import json
import sys
from hashlib import sha256

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.signer import Key, Signature, SSlibKey
from securesystemslib.formats import encode_canonical

dialect, *paths = sys.argv[1:]


def compact(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def load(public):
    if public.startswith("-----"):
        return load_pem_public_key(public.encode())
    return ed25519.Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))


def verify_uptane(entry, signature, signed):
    key, method, sig = load(entry["keyval"]["public"]), signature["method"], base64.b64decode(signature["sig"])
    message = compact(signed).encode()
    if isinstance(key, rsa.RSAPublicKey):
        assert (entry["keytype"], method) == ("RSA", "rsassa-pss-sha256")
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
        key.verify(sig, message, pss, hashes.SHA256())
    elif isinstance(key, ec.EllipticCurvePublicKey):
        assert (entry["keytype"], method) == ("ecdsa", "ecdsa-sha2-nistp256")
        key.verify(sig, message, ec.ECDSA(hashes.SHA256()))
    else:
        assert (entry["keytype"], method) == ("ED25519", "ed25519")
        key.verify(sig, message)


documents = [json.load(open(path)) for path in paths]
root = documents[0]["signed"]
keys = dict(root["keys"])
for document in documents:
    keys |= document["signed"].get("delegations", {}).get("keys", {})
for document in documents:
    for signature in document["signatures"]:
        keyid = signature["keyid"]
        entry = keys[keyid]
        public = entry["keyval"]["public"]
        key = load(public)
        if dialect == "tuf":
            computed = SSlibKey.from_crypto(key).keyid
            Key.from_dict(keyid, json.loads(json.dumps(entry))).verify_signature(
                Signature(keyid, signature["sig"]), encode_canonical(document["signed"]).encode()
            )
        else:
            computed = sha256(json.dumps(public.rstrip("\n")).encode()).hexdigest()
            verify_uptane(entry, signature, document["signed"])
        assert computed == keyid, (computed, keyid)
        bits = getattr(key, "key_size", 256)
        print(document["signed"]["_type"].lower(), entry["keytype"].lower(), bits)
