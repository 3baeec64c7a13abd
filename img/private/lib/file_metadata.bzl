"""The metadata of files in a layer, as text that can stand in an attribute."""

load("//img/private/lib:fail_attr.bzl", "fail_attr")

_OCTAL_DIGITS = "01234567"

def file_metadata(
        *,
        mode = None,
        uid = None,
        gid = None,
        uname = None,
        gname = None,
        mtime = None,
        pax_records = None):
    """Describes the metadata of files for `default_metadata` and `file_metadata` of `image_layer`.

    What is left out keeps its default: mode 0755, owner and group 0 without names, modification
    time 0.

    Args:
        mode: str, permission bits in octal, for example "0644".
        uid: int, number of the owner.
        gid: int, number of the group.
        uname: str, name of the owner.
        gname: str, name of the group.
        mtime: str, modification time as in RFC 3339, for example "2024-01-01T00:00:00Z".
        pax_records: dict from str to str, extended header records.

    Returns:
        str, a JSON object.
    """
    if mode != None:
        _check_type("mode", mode, "string")
        _check_octal(mode)
    for parameter, value, type_name in [
        ("uid", uid, "int"),
        ("gid", gid, "int"),
        ("uname", uname, "string"),
        ("gname", gname, "string"),
        ("mtime", mtime, "string"),
        ("pax_records", pax_records, "dict"),
    ]:
        if value != None:
            _check_type(parameter, value, type_name)
    given = {
        "mode": mode,
        "uid": uid,
        "gid": gid,
        "uname": uname,
        "gname": gname,
        "mtime": mtime,
        "pax_records": pax_records,
    }
    return json.encode({key: value for key, value in given.items() if value != None})

def is_file_metadata(text):
    """Tells whether text is what `file_metadata` returns: a JSON object.

    Args:
        text: str.

    Returns:
        bool.
    """
    return type(json.decode(text, default = None)) == "dict"

def _check_type(parameter, value, expected):
    if type(value) != expected:
        fail_attr(
            "file_metadata()",
            parameter,
            expected = "a value of type " + expected,
            found = "{} of type {}".format(repr(value), type(value)),
            remedy = "write for example `mode = \"0644\"`, `uid = 1000` or `uname = \"app\"`",
        )

def _check_octal(mode):
    digits = mode.removeprefix("0o").elems()
    if not digits or [digit for digit in digits if digit not in _OCTAL_DIGITS]:
        fail_attr(
            "file_metadata()",
            "mode",
            expected = "permission bits in octal",
            found = repr(mode),
            remedy = "write for example `mode = \"0644\"`",
        )
