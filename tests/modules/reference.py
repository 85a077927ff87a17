"""Reads the reference cases of the modules, and compares with the tolerance they are stated for."""

from tests.reference_cases import cases

TOLERANCE = {"rtol": 1e-5, "atol": 5e-6, "equal_nan": True}


def good(file, *, kind=None, keys=None, but=()):
    """Cases with an expected result, of one `kind` or of some `keys`, without the ids in `but`."""
    return [
        case
        for case in cases(file).values()
        if "error" not in case
        and (kind is None or case.get("kind") == kind)
        and (keys is None or case["key"] in keys)
        and case["id"] not in but
    ]


def case_id(case):
    return case["id"]
