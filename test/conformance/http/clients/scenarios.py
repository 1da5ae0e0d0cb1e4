"""What each Python client does, and how it shows what came back: one line a scenario, without what differs by nature."""
import json
import os

BASE = os.environ["BASE"]
HEADERS = {"authorization": "Bearer " + os.environ["TOKEN"]} if "TOKEN" in os.environ else {}
CA = os.environ["CA"]


def show(name, *values):
    print(name + ": " + json.dumps(values, sort_keys=True), flush=True)


def echoed(text):
    seen = json.loads(text)
    kept = [pair for pair in seen["headers"] if pair[0] in ("content-type", "x-own", "cookie")]
    return [seen["method"], seen["url"], sorted(kept), seen["body"]]
