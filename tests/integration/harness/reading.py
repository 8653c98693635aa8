"""Reads requests with other implementations of JSON and base64, to compare."""
import json
import re


def no_duplicates(pairs):
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def read_json(line):
    """The request in a line, read by Python's json; an empty one if it is wrong."""
    try:
        found = json.loads(line.decode(), object_pairs_hook=no_duplicates)
    except (ValueError, AssertionError):
        return {}
    return found if isinstance(found, dict) else {}


def meaning(line):
    """Decodes base64, in which padding may be missing and white space does not count."""
    return {key: re.sub("[ \t\r\n=]", "", value) if isinstance(value, str) else value
            for key, value in read_json(line).items()}
