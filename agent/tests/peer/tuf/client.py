"""python-tuf's client: client.py ROOT METADATA_DIRECTORY URL NAME...; prints whether each target can be had."""

import sys
from pathlib import Path

from tuf.ngclient import Updater

root, directory, url, *names = sys.argv[1:]
Path(directory).mkdir(exist_ok=True)
updater = Updater(
    directory, f"{url}/metadata/", directory, f"{url}/targets/", bootstrap=Path(root).read_bytes()
)
updater.refresh()
for name in names:
    found = updater.get_targetinfo(name)
    if found is not None:
        updater.download_target(found, f"{directory}/target")
    print("found" if found else "missing", name)
