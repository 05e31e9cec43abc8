"""Whether python-tuf reads documents: judge.py FILE...; prints `accepted` or `refused` for each."""

import sys
from pathlib import Path

from tuf.api.metadata import Metadata
from tuf.api.serialization import DeserializationError

for path in sys.argv[1:]:
    try:
        Metadata.from_bytes(Path(path).read_bytes())
        print("accepted")
    except DeserializationError:
        print("refused")
