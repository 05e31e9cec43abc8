"""Reads one JSON document a line, writes its OLPC canonical form in hex a line (securesystemslib)."""
import json
import sys

from securesystemslib.formats import encode_canonical

for line in sys.stdin.buffer:
    print(encode_canonical(json.loads(line.decode("utf-8"))).encode("utf-8").hex())
