"""Makes a repository with python-tuf: make_repository.py DIRECTORY.

Three Roots with keys of each type, delegations by path, by hash prefix and into succinct bins, role names that
have to be quoted. DIRECTORY gets root.json (version 1), metadata/ and targets/.
"""

import sys
from datetime import datetime, timezone
from hashlib import sha256, sha512
from pathlib import Path
from urllib.parse import quote

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    DelegatedRole, Delegations, Metadata, MetaFile, Root, Snapshot, SuccinctRoles, TargetFile, Targets, Timestamp,
)
from tuf.api.serialization.json import JSONSerializer

EXPIRES = datetime(2098, 1, 1, tzinfo=timezone.utc)
directory = Path(sys.argv[1])
(directory / "metadata").mkdir(parents=True)


def write(role, metadata, signers, number=True):
    metadata.signatures.clear()
    for signer in signers:
        metadata.sign(signer, append=True)
    version = f"{metadata.signed.version}." if number else ""
    # Indented: what is signed is not what is served.
    data = metadata.to_bytes(JSONSerializer(compact=role != "targets"))
    (directory / "metadata" / f"{version}{quote(role, '')}.json").write_bytes(data)
    return data


def target(name, algorithms=("sha256",)):
    content = f"content of {name}\n".encode()
    file = TargetFile.from_data(name, content, list(algorithms))
    path = Path(name)
    for algorithm in algorithms:
        digest = {"sha256": sha256, "sha512": sha512}[algorithm](content).hexdigest()
        place = directory / "targets" / path.parent / f"{digest}.{path.name}"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return {name: file}


first, second = CryptoSigner.generate_ed25519(), CryptoSigner.generate_ecdsa()
rsa, ecdsa, ed25519 = (
    CryptoSigner.generate_rsa(), CryptoSigner.generate_ecdsa(), CryptoSigner.generate_ed25519()
)

root = Root(version=1, expires=EXPIRES, consistent_snapshot=True)
root.add_key(first.public_key, "root")
for role in ["timestamp", "snapshot", "targets"]:
    root.add_key(first.public_key, role)
metadata = Metadata(root)
(directory / "root.json").write_bytes(write("root", metadata, [first]))
# Version 2: two keys sign Root.
root.version = 2
root.add_key(second.public_key, "root")
root.add_key(rsa.public_key, "root")
root.revoke_key(first.public_key.keyid, "root")
root.roles["root"].threshold = 2
write("root", metadata, [first, second, rsa])
# Version 3: each role its own type of key.
root.version = 3
for role, signer in [("timestamp", rsa), ("snapshot", ecdsa), ("targets", ed25519)]:
    root.add_key(signer.public_key, role)
    root.revoke_key(first.public_key.keyid, role)
root.unrecognized_fields["x-comment"] = "unknown members are signed as well: é\n"
write("root", metadata, [second, rsa])

meta = {}


def publish(role, targets, signer):
    write(role, Metadata(targets), [signer])
    meta[f"{role}.json"] = MetaFile(targets.version)


succinct = SuccinctRoles([], 1, 4, "bin")
documents = Targets(version=2, expires=EXPIRES, targets=target("docs/one.txt"))
documents.delegations = Delegations({}, succinct_roles=succinct)
documents.add_key(rsa.public_key)
for name in succinct.get_roles():
    in_bin = {}
    for number in range(40):
        path = f"docs/{number}.txt"
        if succinct.get_role_for_target(path) == name:
            in_bin |= target(path, ("sha256", "sha512"))
    publish(name, Targets(expires=EXPIRES, targets=in_bin), rsa)
publish("../documents", documents, ecdsa)
publish("by hash", Targets(expires=EXPIRES, targets=target("hashed.bin", ("sha512",))), ed25519)
publish("never", Targets(expires=EXPIRES, targets=target("closed/hidden.txt") | target("other/two/x.txt")), ed25519)
publish("closed", Targets(expires=EXPIRES), ed25519)

top = Targets(version=7, expires=EXPIRES, targets=target("top level.txt"))
prefixes = [sha256(b"hashed.bin").hexdigest()[:3]]
top.delegations = Delegations({}, roles={
    role.name: role for role in [
        DelegatedRole("../documents", [], 1, False, ["docs/*"]),
        DelegatedRole("by hash", [], 1, False, None, prefixes),
        DelegatedRole("closed", [], 1, True, ["closed/*"]),
        DelegatedRole("never", [], 1, False, ["closed/*", "other/*"]),
    ]
})
top.add_key(ecdsa.public_key, "../documents")
for name in ["by hash", "closed", "never"]:
    top.add_key(ed25519.public_key, name)
publish("targets", top, ed25519)

snapshot = Snapshot(version=5, expires=EXPIRES, meta=meta)
data = write("snapshot", Metadata(snapshot), [ecdsa])
timestamp = Timestamp(version=9, expires=EXPIRES, snapshot_meta=MetaFile.from_data(5, data, ["sha256", "sha512"]))
write("timestamp", Metadata(timestamp), [rsa], number=False)
