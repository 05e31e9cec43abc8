"""Repositories that python-tuf makes, and its client, as standard input says, a line a command: maker.py.

Words are separated by spaces and percent-encoded. Each command is answered with a line: `done`, or what a client's
exit status would be. A key is a number (ECDSA), or `rsa` or `ed` with one.
"""

import json
import sys
from copy import deepcopy
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote, unquote

from securesystemslib.formats import encode_canonical
from securesystemslib.signer import CryptoSigner
from tuf.api.exceptions import DownloadError, RepositoryError
from tuf.api.metadata import (
    DelegatedRole, Delegations, MetaFile, Root, Snapshot, SuccinctRoles, TargetFile, Targets, Timestamp,
)
from tuf.ngclient import Updater

NOW = datetime.now(timezone.utc).replace(microsecond=0)
TOP_LEVEL = ["root", "timestamp", "snapshot", "targets"]
KEYS = {}


def key(name):
    if name not in KEYS:
        kinds = {"rsa": CryptoSigner.generate_rsa, "ed": CryptoSigner.generate_ed25519}
        kind = kinds.get(name.rstrip("0123456789"), CryptoSigner.generate_ecdsa)
        KEYS[name] = kind()
    return KEYS[name]


def place_of(document, path):
    *above, last = path.split("/")
    for member in above:
        document = document[int(member) if isinstance(document, list) else unquote(member)]
    return document, int(last) if isinstance(document, list) else unquote(last)


class Repository:
    def __init__(self, directory):
        self.directory = Path(directory)
        self.metadata, self.targets, self.published = (self.directory / name for name in [
            "www/metadata", "www/targets", "published"])
        for place in [self.metadata, self.targets, self.published]:
            place.mkdir(parents=True)
        expires = NOW + timedelta(days=30)
        self.signed = {
            "root": Root(expires=expires), "timestamp": Timestamp(expires=expires),
            "snapshot": Snapshot(expires=expires), "targets": Targets(expires=expires),
        }
        self.signers, self.versions, self.pinned, self.changes, self.newest = {}, {}, {}, {}, {}
        # What a client may keep, as `VERSION ROLE NUMBER`.
        self.copies, self.count = {}, 0
        self.hashes_listed = False
        self.spare = 1000
        for number, role in enumerate(TOP_LEVEL):
            self.keys(role, 1, str(900 + number))
        self.publish("targets", "snapshot", "timestamp", "root")

    # Keys

    def keys(self, role, threshold, keys, signers=None):
        """The keys of a role (of `ROLE@DELEGATOR`, if not of Root), and whose signatures it has."""
        role, _, delegator = role.partition("@")
        above = self.signed[delegator] if delegator else self.signed["root"]
        table = above.delegations if delegator else above
        names = [name for name in keys.split(",") if name]
        for name in names:
            table.keys[key(name).public_key.keyid] = key(name).public_key
        entry = table.roles[role]
        entry.keyids, entry.threshold = [key(name).public_key.keyid for name in names], int(threshold)
        self.sign(role, keys if signers is None else signers)

    def sign(self, role, signers=""):
        self.signers[role] = [name for name in signers.split(",") if name]

    def unknown(self):
        """Members that TUF does not name, in Root, in a role and in a key, which has its id by them."""
        extended = deepcopy(key("unknown").public_key)
        extended.unrecognized_fields.update({"keyid_hash_algorithms": ["md5"], "x-extra": {"b": 2, "a": 1}})
        extended.keyid = sha256(encode_canonical(extended.to_dict()).encode()).hexdigest()
        KEYS["unknown"] = CryptoSigner(key("unknown")._private_key, extended)
        self.keys("snapshot", 1, "unknown")
        self.signed["root"].unrecognized_fields["x-custom"] = ["value", -1, None, True, "\u00e9\n"]
        self.signed["root"].roles["root"].unrecognized_fields["x-role"] = "value"

    # Metadata

    def pin(self, role, version):
        """The version that `role` is published with next."""
        self.pinned[role] = int(version)

    def expires(self, role, days):
        self.signed[role].expires = NOW + timedelta(days=int(days))

    def set(self, role, path, value="null"):
        """Whatever python-tuf would not write, in what is signed."""
        self.changes.setdefault(role, []).append((path, json.loads(value)))

    def listed(self, file, version="", length="", hash=""):
        """Another entry in Snapshot (or in Timestamp, of Snapshot): with `-` none."""
        meta = self.signed["snapshot"].meta
        if version == "-":
            del meta[file]
            return
        entry = self.signed["timestamp"].snapshot_meta if file == "snapshot.json" else meta[file]
        entry.version = int(version or entry.version)
        if length:
            entry.length = len(self.newest[file.removesuffix(".json")]) + int(length)
        if hash:
            entry.hashes = {hash: "46" * 32}

    def hashed(self):
        self.hashes_listed = True

    def publish(self, *roles):
        for role in roles:
            signed = self.signed[role]
            signed.version = self.pinned.pop(role, self.versions.get(role, 0) + 1)
            self.versions[role] = signed.version
            body = deepcopy(signed.to_dict())
            for path, value in self.changes.get(role, []):
                place, member = place_of(body, path)
                place[member] = value
                if value is None:
                    del place[member]
            data = encode_canonical(body).encode()
            signatures = [key(name).sign(data).to_dict() for name in self.signers[role]]
            self.write(role, {"signatures": signatures, "signed": body})
            bytes = self.newest[role]
            length, hashes = None, None
            if self.hashes_listed:
                length, hashes = len(bytes), {"sha256": sha256(bytes).hexdigest()}
            if role == "snapshot":
                self.signed["timestamp"].snapshot_meta = MetaFile(signed.version, length, hashes)
            elif role not in ["root", "timestamp"]:
                self.signed["snapshot"].meta[f"{role}.json"] = MetaFile(signed.version, length, hashes)

    def write(self, role, document, end=b""):
        # Indented or not: what is signed is not what is served.
        data = json.dumps(document, indent=1 if role == "targets" else None).encode() + end
        plain = role == "timestamp" or role != "root" and not self.signed["root"].consistent_snapshot
        version = "" if plain else f"{self.versions[role]}."
        (self.metadata / f"{version}{quote(role, '')}.json").write_bytes(data)
        self.count += 1
        self.copies[role] = self.published / f"{self.versions[role]} {quote(role, '')} {self.count}"
        self.copies[role].write_bytes(data)
        self.newest[role] = data

    def raw(self, role, edit, *more):
        """Changes what was published last, after it was signed."""
        document = json.loads(self.newest[role])
        signatures, end = document["signatures"], b""
        if edit == "space":
            end = b" \n"
        elif edit == "without":
            place, member = place_of(document, more[0])
            del place[member]
        elif edit == "twice":
            signatures.extend(deepcopy(signatures) * int(more[0]))
        elif edit == "signature":
            # Of the same key, of something else; or what is given.
            id = key(more[0]).public_key.keyid
            wrong = more[1].strip() if len(more) > 1 else key(more[0]).sign(b"something else").signature
            signatures[:] = [one for one in signatures if one["keyid"] != id] + [{"keyid": id, "sig": wrong}]
        self.copies[role].unlink()
        self.write(role, document, end)

    def serve(self, name, other):
        """Under `name` what is served as `other`."""
        (self.metadata / f"{name}.json").write_bytes((self.metadata / f"{other}.json").read_bytes())

    def gone(self, name):
        (self.metadata / f"{name}.json").unlink()

    def plain(self):
        self.signed["root"].consistent_snapshot = False

    # Targets

    def delegate(self, delegator, role, *paths, terminating=False):
        above = self.signed[delegator]
        if above.delegations is None:
            above.delegations = Delegations({}, roles={})
        above.delegations.roles[role] = DelegatedRole(role, [], 1, terminating, list(paths))
        self.signed.setdefault(role, Targets(expires=NOW + timedelta(days=30)))
        self.spare += 1
        signers = ",".join([*self.signers.get(role, []), str(self.spare)])
        self.keys(f"{role}@{delegator}", 1, str(self.spare), signers)

    def terminating(self, delegator, role, *paths):
        self.delegate(delegator, role, *paths, terminating=True)

    def bins(self, delegator, bits, prefix):
        succinct = SuccinctRoles([], 1, int(bits), prefix)
        self.signed[delegator].delegations = Delegations({}, succinct_roles=succinct)
        self.signed[delegator].add_key(key("0").public_key)
        for name in succinct.get_roles():
            self.signed[name] = Targets(expires=NOW + timedelta(days=30))
            self.sign(name, "0")
        self.publish(*succinct.get_roles())

    def target(self, role, name, content, algorithms="sha256"):
        data = content.encode()
        delegations = self.signed[role].delegations
        if delegations is not None and delegations.succinct_roles is not None:
            role = delegations.succinct_roles.get_role_for_target(name)
        # What hashlib has not is named as if it were something else.
        file = TargetFile.from_data(name, data, [one.partition("=")[0] for one in algorithms.split(",")])
        file.hashes = {one.partition("=")[2] or one: file.hashes[one.partition("=")[0]]
                       for one in algorithms.split(",")}
        self.signed[role].targets[name] = file
        path = Path(name)
        names = [f"{hash}.{path.name}" for hash in file.hashes.values()]
        for one in names if self.signed["root"].consistent_snapshot else [path.name]:
            place = self.targets / path.parent / one
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)

    def spoil(self, name, content):
        """Other content in the place of all that was served under this name."""
        for place in self.targets.rglob(f"*{Path(name).name}"):
            place.write_bytes(content.encode())

    def client(self, url, days, *names):
        """python-tuf's client, at another day."""
        kept, got = self.directory / "kept", self.directory / "got"
        try:
            updater = Updater(str(kept), f"{url}/metadata/", str(got), f"{url}/targets/", bootstrap=None)
            updater._trusted_set.reference_time += timedelta(days=int(days))
            updater.refresh()
            for name in names:
                target = updater.get_targetinfo(name)
                if target is None:
                    return "1"
                if not updater.find_cached_target(target):
                    updater.download_target(target)
        except (RepositoryError, DownloadError, OSError, ValueError):
            return "1"
        return "0"


repository = None
for line in sys.stdin:
    command, *words = [unquote(word) for word in line.split()]
    answer = None
    if command == "new":
        repository = Repository(*words)
    else:
        answer = getattr(repository, command)(*words)
    print(answer or "done", flush=True)
