"""Tells what a client saw, a case at a time: its name behind two at-signs, then values as JSON without what masked columns hold."""
import datetime
import decimal
import json
import os
import sys
import uuid

MASKED = set(os.environ["MASKED"].split())


def aside(value):
    """What masked columns hold goes where it is searched and not compared."""
    print("masked:", value, file=sys.stderr)
    return False


def plain(value):
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items() if key not in MASKED or aside(item)}
    if hasattr(value, "_asdict"):
        return plain(value._asdict())
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((plain(item) for item in value), key=str)
    if isinstance(value, memoryview):
        value = bytes(value)
    if isinstance(value, (bytes, decimal.Decimal, datetime.date, datetime.time, datetime.timedelta, uuid.UUID)):
        return str(value)
    return value if value is None or isinstance(value, (bool, int, float, str)) else repr(value)


def case(name, attempt, *arguments, **options):
    """Runs it and tells what came; of a failure, what kind it was."""
    print("@@", name)
    try:
        value = plain(attempt(*arguments, **options))
        for line in value if isinstance(value, list) else [value]:
            print(json.dumps(line, default=repr, sort_keys=True))
    except Exception as error:  # Whatever it is, it must be the same both ways.
        cause = getattr(error, "orig", None) or error.__cause__ or error
        print(type(error).__name__, getattr(cause, "pgcode", None) or getattr(cause, "sqlstate", None) or str(cause))


def end():
    print("@@ end")
