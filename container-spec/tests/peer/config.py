"""Answers each line `{"directory": D, "files": [F], "profiles": [P]}` as `docker-compose config` 1.29.2 does."""
import json
import sys

from compose.config import config
from compose.config.environment import Environment
from compose.config.serialize import serialize_config

for line in sys.stdin:
    task = json.loads(line)
    try:
        environment = Environment(task["environment"])
        details = config.find(task["directory"], task["files"], environment)
        print(json.dumps({"text": serialize_config(config.load(details), None, True)}))
    except Exception as error:
        print(json.dumps({"error": str(error)}))
    sys.stdout.flush()
