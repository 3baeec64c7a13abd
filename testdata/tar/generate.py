"""Writes odd and hostile archives: into accepted/ those of one reading, into refused/ the others.

    python3 testdata/tar/generate.py && go run testdata/tar/go_view.go

The archives are the same each time. Every case is one line below: a name that says what is odd, and the
blocks of the archive.
"""

import shutil
from pathlib import Path

HERE = Path(__file__).resolve().parent
BLOCK = 512
END = bytes(2 * BLOCK)

USTAR = b"ustar\x0000"
GNU = b"ustar  \0"
V7 = bytes(8)

# Where each field of a header stands, and its length.
FIELDS = {
    "name": (0, 100),
    "mode": (100, 8),
    "uid": (108, 8),
    "gid": (116, 8),
    "size": (124, 12),
    "mtime": (136, 12),
    "flag": (156, 1),
    "link": (157, 100),
    "magic": (257, 8),
    "uname": (265, 32),
    "gname": (297, 32),
    "major": (329, 8),
    "minor": (337, 8),
    "prefix": (345, 155),
    "atime": (345, 12),
    "star_atime": (476, 12),
    "star_ctime": (488, 12),
    "trailer": (508, 4),
}
DEFAULTS = {"mode": b"0000644\0", "uid": b"0000000\0", "gid": b"0000000\0", "mtime": b"00000000000\0", "magic": USTAR}


def header(name, flag=b"0", size=0, checksum="{:06o}\0 ", signed=False, **fields):
    """A header block with a right checksum; numbers may be given as text of the field."""
    number = size if isinstance(size, bytes) else b"%011o\0" % size
    block = bytearray(BLOCK)
    for key, value in {**DEFAULTS, "name": name, "flag": flag, "size": number, **fields}.items():
        start, length = FIELDS[key]
        assert len(value) <= length, (name, key)
        block[start : start + len(value)] = value
    block[148:156] = b" " * 8
    total = sum(block) - (256 * sum(byte > 127 for byte in block) if signed else 0)
    shown = checksum.format(total).encode()
    block[148 : 148 + len(shown)] = shown
    return bytes(block)


def padded(content):
    return content + bytes(-len(content) % BLOCK)


def file(name, content=b"content", **fields):
    return header(name, **{"size": len(content), **fields}) + padded(content)


def entry(name, flag, **fields):
    return header(name, flag, **fields)


def extension(flag, body, **fields):
    return header(b"extension", flag, **{"size": len(body), **fields}) + padded(body)


def record(key, value):
    """One PAX record; its length counts its own digits."""
    rest = len(key) + len(value) + 3
    length = rest + len(str(rest))
    length = rest + len(str(length))
    return b"%d %s=%s\n" % (length, key, value)


def pax(*pairs, flag=b"x", **fields):
    return extension(flag, b"".join(record(key, value) for key, value in pairs), **fields)


def raw_pax(body):
    return extension(b"x", body)


def long_name(name, flag=b"L", end=b"\0"):
    return extension(flag, name + end, magic=GNU)


def whole(*parts):
    return b"".join(parts) + END


FILE = file(b"a")
LONG = b"/".join([b"directory-of-thirty-characters"] * 10) + b"/name"

ACCEPTED = {
    # What an archive may hold.
    "every_kind": whole(
        entry(b"d/", b"5", mode=b"0000755\0"),
        file(b"d/file", uname=b"root", gname=b"wheel", uid=b"0001750\0", mtime=b"14700000000\0"),
        entry(b"d/symlink", b"2", link=b"../else/where"),
        entry(b"d/hardlink", b"1", link=b"d/file"),
        entry(b"d/fifo", b"6"),
        entry(b"d/character", b"3", major=b"0000005\0", minor=b"0000001\0"),
        entry(b"d/block", b"4", major=b"0000010\0", minor=b"0000021\0"),
    ),
    "contiguous_file": whole(file(b"a", flag=b"7"), FILE),
    "file_without_flag": whole(file(b"a", flag=b"\0")),
    "same_path_twice": whole(FILE, file(b"a", b"other")),
    "setuid_and_sticky": whole(file(b"a", mode=b"0007755\0")),
    "type_bits_in_the_mode": whole(
        file(b"a", mode=b"0100644\0"), entry(b"d", b"5", mode=b"0040755\0"), entry(b"l", b"2", link=b"a", mode=b"0120777\0")
    ),
    "whiteouts": whole(file(b".wh.a", b""), file(b"d/.wh..wh..opq", b"")),
    "link_name_of_a_file": whole(file(b"a", link=b"b")),
    # Names.
    "dots_and_slashes": whole(entry(b"./", b"5"), file(b"./a"), file(b"d//./b")),
    "absolute": whole(file(b"/etc/a"), entry(b"/etc/b", b"1", link=b"/etc/a")),
    "slash_after_a_directory": whole(entry(b"d/", b"5"), entry(b"e", b"5"), entry(b"f//", b"5")),
    "space_and_backslash": whole(file(b" a b "), file(b"a\\nb")),
    "not_utf_8": whole(file(b"a\xff\xe4"), file(b"\xc3\xa4")),
    "control_characters": whole(file(b"a\nb"), file(b"\x1b[31m")),
    "longest_name": whole(file(b"n" * 100)),
    "longest_prefix": whole(file(b"n" * 100, prefix=b"p" * 155)),
    "prefix": whole(file(b"a", prefix=b"d/e")),
    "prefix_with_slash": whole(file(b"a", prefix=b"d/")),
    "bytes_after_the_nul_of_a_name": whole(file(b"a\0b/c")),
    "symlink_targets": whole(
        entry(b"a", b"2", link=b"/etc/passwd"), entry(b"b", b"2", link=b"../.."), entry(b"c", b"2", link=b"l" * 100)
    ),
    "hardlink_with_dots": whole(FILE, entry(b"b", b"1", link=b"./a")),
    # PAX.
    "pax_path": whole(pax((b"path", LONG)), FILE),
    "pax_path_utf_8": whole(pax((b"path", "d/ä ß".encode())), FILE),
    "pax_path_not_utf_8": whole(pax((b"path", b"d/\xff")), FILE),
    "pax_path_64_kib": whole(pax((b"path", b"/".join([b"d" * 200] * 326))), FILE),
    "pax_path_for_a_name_with_slash": whole(pax((b"path", b"d" * 99 + b"/" + b"n" * 200)), file(b"d" * 99 + b"/")),
    "pax_linkpath": whole(FILE, pax((b"linkpath", LONG)), entry(b"b", b"2", link=b"short")),
    "pax_linkpath_of_a_hardlink": whole(file(b"a"), pax((b"linkpath", b"a")), entry(b"b", b"1", link=b"short")),
    "pax_size_wins_over_less": whole(pax((b"size", b"7")), header(b"a") + padded(b"content"), file(b"b")),
    "pax_size_wins_over_more": whole(pax((b"size", b"7")), header(b"a", size=4096) + padded(b"content"), file(b"b")),
    "pax_owner": whole(
        pax((b"uid", b"2097152"), (b"gid", b"4294967294"), (b"uname", "ä".encode()), (b"gname", b"g" * 40)), FILE
    ),
    "pax_uid_of_33_bits": whole(pax((b"uid", b"4294967296")), FILE),
    "pax_times": whole(
        pax((b"mtime", b"1350244992.023960108"), (b"atime", b"1350244992.0"), (b"ctime", b"-1.25")), FILE
    ),
    "pax_mtime_before_1970": whole(pax((b"mtime", b"-1.5")), FILE, pax((b"mtime", b"-3")), file(b"b")),
    "pax_mtime_of_more_digits": whole(pax((b"mtime", b"1.12345678999")), FILE),
    "pax_extended_attribute": whole(pax((b"SCHILY.xattr.user.a", b"v\0\xff\n="), (b"SCHILY.xattr.user.b", b"")), FILE),
    "pax_unknown_records": whole(pax((b"comment", b"a=b\nc"), (b"VENDOR.key", b"value")), FILE),
    "pax_character_set": whole(pax((b"hdrcharset", b"ISO-IR 10646 2000 UTF-8"), (b"path", "ä".encode())), FILE),
    "pax_device_numbers_for_information": whole(pax((b"SCHILY.dev", b"1"), (b"SCHILY.ino", b"2"), (b"SCHILY.nlink", b"3")), FILE),
    "pax_length_with_zeros": whole(raw_pax(b"0014 path=abc\n"), FILE),
    "pax_empty": whole(raw_pax(b""), FILE),
    "global_comment": whole(pax((b"comment", b"0123abcd"), flag=b"g"), FILE, file(b"b")),
    "global_comment_alone": whole(pax((b"comment", b"0123abcd"), flag=b"g")),
    "sixteen_extension_headers": whole(pax((b"comment", b"c"), flag=b"g") * 15, pax((b"path", b"b")), FILE),
    # GNU.
    "gnu": whole(file(b"a", magic=GNU), entry(b"d/", b"5", magic=GNU)),
    "gnu_long_name": whole(long_name(LONG), file(b"short", magic=GNU)),
    "gnu_long_link": whole(long_name(LONG, b"K"), entry(b"a", b"2", link=b"short", magic=GNU)),
    "gnu_long_name_and_link": whole(long_name(b"l" * 120, b"K"), long_name(LONG), entry(b"a", b"2", link=b"s", magic=GNU)),
    "gnu_long_link_after_name": whole(long_name(LONG), long_name(b"l" * 120, b"K"), entry(b"a", b"2", link=b"s", magic=GNU)),
    "gnu_long_name_without_nul": whole(long_name(LONG, end=b""), file(b"short", magic=GNU)),
    "gnu_long_name_of_a_block_without_nul": whole(long_name(b"n" * BLOCK, end=b""), file(b"short", magic=GNU)),
    "gnu_long_name_of_a_directory": whole(long_name(LONG + b"/"), entry(b"short/", b"5", magic=GNU)),
    "gnu_long_name_after_pax_time": whole(pax((b"mtime", b"1.5")), long_name(LONG), FILE),
    "gnu_long_name_before_pax_time": whole(long_name(LONG), pax((b"mtime", b"1.5")), FILE),
    "gnu_large_numbers": whole(
        file(b"a", magic=GNU, uid=b"\x80\0\0\0\0\x20\0\0", mtime=b"\x80" + (1 << 40).to_bytes(11, "big")),
        file(b"b", magic=GNU, mtime=b"\xff" * 11 + b"\xfe"),
        header(b"c", magic=GNU, size=b"\x80" + (7).to_bytes(11, "big")) + padded(b"content"),
    ),
    # Others.
    "v7": whole(
        file(b"a", magic=V7, flag=b"\0"), entry(b"d/", b"\0", magic=V7), entry(b"l", b"2", magic=V7, link=b"a"), entry(b"h", b"1", magic=V7, link=b"a")
    ),
    "v7_of_gnu_tar": whole(file(b"a", magic=V7, major=b"0000000\0", minor=b"0000000\0")),
    "prefix_without_a_name_of_a_directory": whole(entry(b"", b"5", prefix=b"d")),
    "star": whole(file(b"a", prefix=b"d", trailer=b"tar\0", star_atime=b"00000000001\0", star_ctime=b"00000000002\0")),
    "ustar_of_another_version": whole(file(b"a", prefix=b"d", magic=b"ustar\0  ")),
    "numbers_with_spaces": whole(file(b"a", mode=b"   644 \0", uid=b"  1750 \0", size=b"          7 ", mtime=b"          1 ")),
    "numbers_without_nul": whole(file(b"a", mode=b"00000644", size=b"000000000007", mtime=b"777777777777")),
    "numbers_left_out": whole(entry(b"d", b"5", mode=b"0000755\0", uid=bytes(8), gid=bytes(8), mtime=bytes(12), major=b" " * 8)),
    "checksum_signed": whole(file(b"\xe4", signed=True)),
    "checksum_with_spaces": whole(file(b"a", checksum="{:6o} \0")),
    "checksum_of_seven_digits": whole(file(b"a", checksum="{:07o}\0")),
    # Ends.
    "nothing": END,
    "no_bytes": b"",
    "no_end": FILE,
    "one_zero_block": FILE + bytes(BLOCK),
    "zeros_after_the_end": whole(FILE) + bytes(17 * BLOCK),
    "zeros_of_no_whole_block_after_the_end": whole(FILE) + bytes(100),
    "padding_that_is_not_zero": whole(header(b"a", size=1) + b"a" * BLOCK, file(b"b")),
}

SPARSE_OLD = bytearray(header(b"a", b"S", size=BLOCK, magic=GNU))
SPARSE_OLD[386:410] = b"%011o\0%011o\0" % (1024, BLOCK)
SPARSE_OLD[483:495] = b"%011o\0" % 2048
SPARSE_OLD[148:156] = b" " * 8
SPARSE_OLD[148:156] = b"%06o\0 " % sum(SPARSE_OLD)

REFUSED = {
    # Names.
    "dot_dot": whole(file(b"../a")),
    "dot_dot_within": whole(file(b"d/../a")),
    "dot_dot_in_pax": whole(pax((b"path", b"d/..")), FILE),
    "dot_dot_in_a_gnu_name": whole(long_name(b"../a"), FILE),
    "dot_dot_of_a_hardlink": whole(entry(b"a", b"1", link=b"../etc/passwd")),
    "no_name": whole(file(b"")),
    "prefix_without_a_name": whole(entry(b"", b"\0", prefix=b"d")),
    "no_link_target": whole(entry(b"a", b"2"), FILE),
    "no_hardlink_target": whole(entry(b"a", b"1"), FILE),
    "hardlink_to_itself": whole(FILE, entry(b"./a", b"1", link=b"a")),
    "root_that_is_a_file": whole(file(b"./")),
    "file_with_slash": whole(file(b"a/")),
    "contiguous_file_with_slash": whole(file(b"a/", flag=b"7")),
    "old_directory_by_its_short_name": whole(pax((b"path", b"long")), file(b"short/", b"", flag=b"\0")),
    "old_directory_by_its_long_name": whole(pax((b"path", b"long/")), file(b"short", b"", flag=b"\0")),
    "old_directory_with_content": whole(file(b"d/", flag=b"\0")),
    "whiteout_of_nothing": whole(file(b".wh.", b"")),
    "whiteout_of_dot": whole(file(b"d/.wh..", b"")),
    "whiteout_of_dot_dot": whole(file(b".wh...", b"")),
    "gnu_times_where_python_has_a_prefix": whole(file(b"a", magic=GNU, atime=b"14700000000\0")),
    "gnu_with_a_prefix_as_go_once_wrote_it": whole(file(b"a", magic=GNU, prefix=b"directory")),
    "star_prefix_of_more_than_131_bytes": whole(file(b"a", prefix=b"p" * 140, trailer=b"tar\0")),
    "v7_with_a_prefix": whole(file(b"a", magic=V7, prefix=b"d")),
    "v7_with_a_device": whole(entry(b"a", b"3", magic=V7, major=b"0000005\0", minor=b"0000001\0")),
    "v7_with_an_owner": whole(file(b"a", magic=V7, uname=b"root")),
    "magic_that_libarchive_alone_takes": whole(file(b"a", magic=b"ustarx00", prefix=b"d")),
    "magic_of_gnu_without_its_version": whole(file(b"a", magic=b"ustar \0\0", prefix=b"d")),
    # Content.
    "directory_with_content": whole(file(b"d", flag=b"5"), FILE),
    "hardlink_with_content": whole(FILE, file(b"b", flag=b"1", link=b"a")),
    "symlink_with_content": whole(file(b"b", flag=b"2", link=b"a")),
    "fifo_with_content": whole(file(b"b", flag=b"6")),
    "hardlink_with_a_size_that_pax_takes_back": whole(FILE, pax((b"size", b"0")), file(b"b", flag=b"1", link=b"a")),
    "sparse_old_gnu": whole(bytes(SPARSE_OLD), bytes(BLOCK)),
    "sparse_0_0": whole(
        pax((b"GNU.sparse.size", b"9"), (b"GNU.sparse.numblocks", b"1"), (b"GNU.sparse.offset", b"2"), (b"GNU.sparse.numbytes", b"7")), FILE
    ),
    "sparse_0_1": whole(
        pax((b"GNU.sparse.size", b"9"), (b"GNU.sparse.numblocks", b"1"), (b"GNU.sparse.map", b"2,7"), (b"GNU.sparse.name", b"b")), FILE
    ),
    "sparse_1_0": whole(
        pax((b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"), (b"GNU.sparse.name", b"b"), (b"GNU.sparse.realsize", b"9")),
        file(b"a", padded(b"1\n2\n7\n") + b"content"),
    ),
    "sparse_of_star": whole(pax((b"SCHILY.realsize", b"9")), FILE),
    "sparse_of_solaris": whole(pax((b"SUN.holesdata", b" 0 7 9")), FILE),
    # Types.
    "unknown_type": whole(file(b"a", flag=b"Z"), file(b"b")),
    "solaris_extension": whole(extension(b"X", record(b"path", b"b")), FILE),
    "solaris_acl": whole(file(b"a", flag=b"A"), FILE),
    "gnu_dump_directory": whole(file(b"d", b"Ya\0\0", flag=b"D", magic=GNU)),
    "gnu_multi_volume": whole(file(b"a", flag=b"M", magic=GNU)),
    "gnu_volume_label": whole(entry(b"label", b"V", magic=GNU), FILE),
    "gnu_old_long_name": whole(file(b"a", flag=b"N", magic=GNU)),
    # Extension headers.
    "two_pax_headers": whole(pax((b"path", b"b")), pax((b"uname", b"u")), FILE),
    "two_gnu_names": whole(long_name(b"b"), long_name(b"c"), FILE),
    "two_gnu_links": whole(long_name(b"b", b"K"), long_name(b"c", b"K"), entry(b"a", b"2")),
    "pax_path_before_gnu_name": whole(pax((b"path", b"b")), long_name(b"c"), FILE),
    "pax_path_after_gnu_name": whole(long_name(b"c"), pax((b"path", b"b")), FILE),
    "pax_link_and_gnu_link": whole(long_name(b"c", b"K"), pax((b"linkpath", b"b")), entry(b"a", b"2")),
    "pax_size_before_gnu_name": whole(pax((b"size", b"7")), long_name(b"c"), header(b"a") + padded(b"content")),
    "pax_before_global": whole(pax((b"path", b"b")), pax((b"comment", b"c"), flag=b"g"), FILE),
    "gnu_name_before_global": whole(long_name(b"b"), pax((b"comment", b"c"), flag=b"g"), FILE),
    "global_path": whole(pax((b"path", b"b"), flag=b"g"), FILE),
    "global_mtime": whole(pax((b"mtime", b"1"), flag=b"g"), FILE),
    "global_size": whole(pax((b"size", b"0"), flag=b"g"), FILE),
    "global_attribute": whole(pax((b"SCHILY.xattr.user.a", b"v"), flag=b"g"), FILE),
    "pax_at_the_end": whole(FILE, pax((b"path", b"b"))),
    "pax_and_no_more": pax((b"path", b"b")),
    "gnu_name_at_the_end": whole(FILE, long_name(b"b")),
    "seventeen_extension_headers": whole(pax((b"comment", b"c"), flag=b"g") * 17, FILE),
    "pax_of_8_gib": whole(header(b"x", b"x", size=0o77777777777)),
    "pax_of_1_mib_and_1": whole(header(b"x", b"x", size=(1 << 20) + 1)),
    "gnu_name_of_1_gib": whole(header(b"x", b"L", size=1 << 30, magic=GNU)),
    "gnu_name_with_nul": whole(long_name(b"a\0b"), FILE),
    "gnu_name_that_goes_on_in_the_padding": whole(header(b"x", b"L", size=2, magic=GNU) + padded(b"abc"), FILE),
    "gnu_link_alone": whole(long_name(b"b", b"K"), entry(b"a", b"2", magic=GNU)),
    "pax_link_alone": whole(FILE, pax((b"linkpath", b"a")), entry(b"b", b"1")),
    "gnu_name_of_nothing": whole(long_name(b""), FILE),
    # PAX records.
    "pax_key_twice": whole(pax((b"path", b"b"), (b"path", b"c")), FILE),
    "pax_path_with_nul": whole(pax((b"path", b"a\0b")), FILE),
    "pax_path_of_nothing": whole(pax((b"path", b"")), FILE),
    "pax_size_of_nothing": whole(pax((b"size", b"")), FILE),
    "pax_mtime_of_nothing": whole(pax((b"mtime", b"")), FILE),
    "pax_atime_of_nothing": whole(pax((b"atime", b"")), FILE),
    "pax_length_0": whole(raw_pax(b"0 path=b\n"), FILE),
    "pax_length_too_short": whole(raw_pax(b"9 path=bcd\n"), FILE),
    "pax_length_too_long": whole(raw_pax(b"90 path=b\n"), FILE),
    "pax_length_huge": whole(raw_pax(b"99999999999999999999 path=b\n"), FILE),
    "pax_length_negative": whole(raw_pax(b"-10 path=b\n"), FILE),
    "pax_length_with_sign": whole(raw_pax(b"+10 path=b\n"), FILE),
    "pax_length_with_space": whole(raw_pax(b" 11 path=bc\n"), FILE),
    "pax_key_with_escape_and_value_with_nul": whole(pax((b"\x1b[31m", b"\0")), FILE),
    "pax_no_length": whole(raw_pax(b"path=b\n"), FILE),
    "pax_no_newline": whole(raw_pax(b"10 path=b "), FILE),
    "pax_no_equals": whole(raw_pax(b"9 path b\n"), FILE),
    "pax_no_key": whole(raw_pax(b"5 =b\n"), FILE),
    "pax_key_with_nul": whole(raw_pax(b"11 pa\0th=b\n"), FILE),
    "pax_zeros_after_the_records": whole(raw_pax(record(b"path", b"b") + bytes(3)), FILE),
    "pax_size_negative": whole(pax((b"size", b"-1")), FILE),
    "pax_size_with_sign": whole(pax((b"size", b"+7")), FILE),
    "pax_size_octal": whole(pax((b"size", b"0o7")), FILE),
    "pax_size_fraction": whole(pax((b"size", b"7.0")), FILE),
    "pax_size_of_63_bits": whole(pax((b"size", b"9223372036854775807")), FILE),
    "pax_size_of_64_bits": whole(pax((b"size", b"9223372036854775808")), FILE),
    "pax_uid_negative": whole(pax((b"uid", b"-1")), FILE),
    "pax_uid_nan": whole(pax((b"uid", b"nan")), FILE),
    "pax_mtime_nan": whole(pax((b"mtime", b"nan")), FILE),
    "pax_mtime_exponent": whole(pax((b"mtime", b"1e3")), FILE),
    "pax_mtime_without_seconds": whole(pax((b"mtime", b".5")), FILE),
    "pax_mtime_of_65_bits": whole(pax((b"mtime", b"18446744073709551616")), FILE),
    "pax_atime_nan": whole(pax((b"atime", b"nan")), FILE),
    "pax_device_numbers": whole(pax((b"SCHILY.devmajor", b"1"), (b"SCHILY.devminor", b"2")), entry(b"a", b"3")),
    "pax_dump_directory": whole(pax((b"GNU.dumpdir", b"Ya\0\0")), entry(b"d", b"5")),
    "pax_latin_1": whole(pax((b"hdrcharset", b"ISO-8859-1"), (b"path", b"\xe4")), FILE),
    "pax_owner_not_utf_8": whole(pax((b"uname", b"\xe4")), FILE),
    # Numbers.
    "size_negative": whole(header(b"a", size=b"\xff" * 12)),
    "size_of_63_bits": whole(header(b"a", size=b"\x80\0\0\0\x7f" + b"\xff" * 7)),
    "size_of_64_bits": whole(header(b"a", size=b"\x80\0\0\0\x80" + bytes(7))),
    "size_of_95_bits": whole(header(b"a", size=b"\x80" + b"\xff" * 11)),
    "size_not_octal": whole(file(b"a", size=b"0000000000 8")),
    "size_with_minus": whole(file(b"a", size=b"-0000000007\0")),
    "size_after_nul": whole(file(b"a", size=b"\x000000000007\0")),
    "size_with_more_after_nul": whole(file(b"a", size=b"7\x0000000000\0")),
    "size_hexadecimal": whole(file(b"a", size=b"0x7\0")),
    "uid_negative": whole(file(b"a", uid=b"\xff" * 8)),
    "uid_of_another_base_256": whole(file(b"a", uid=b"\x81" + bytes(7))),
    "mode_negative": whole(file(b"a", mode=b"\xff" * 8)),
    "mode_of_spaces": whole(file(b"a", mode=b" " * 8)),
    "mode_of_another_type": whole(file(b"a", mode=b"0120777\0")),
    "mode_of_19_bits": whole(file(b"a", mode=b"1000644\0")),
    "device_of_22_bits": whole(entry(b"a", b"3", major=b"\x80\0\0\0\0\x20\0\0")),
    "device_negative": whole(entry(b"a", b"3", major=b"\xff" * 8)),
    "checksum_wrong": whole(file(b"a", checksum="0000001\0")),
    "checksum_base_256": whole(file(b"a", checksum="\u0000\u0000")),
    "owner_not_utf_8": whole(file(b"a", uname=b"\xe4")),
    # Ends.
    "lone_zero_block": whole(FILE, bytes(BLOCK), file(b"b")),
    "second_archive": whole(FILE) + whole(file(b"b")),
    "garbage_after_the_end": whole(FILE) + b"x",
    "garbage_in_the_second_zero_block": FILE + bytes(BLOCK) + b"garbage",
    "not_a_tar": b"#!/bin/sh\n" * 60,
    "gzip": b"\x1f\x8b\x08\0\0\0\0\0\0\xff\x03\0\0\0\0\0\0\0\0\0",
    "cut_in_the_header": FILE[:300],
    "cut_in_the_content": FILE[: BLOCK + 3],
    "cut_in_the_padding": FILE[: BLOCK + 100],
    "cut_in_an_extension": pax((b"path", b"b"))[: BLOCK + 5],
    "cut_in_the_end": FILE + bytes(BLOCK + 10),
}


def main():
    for directory, archives in {"accepted": ACCEPTED, "refused": REFUSED}.items():
        shutil.rmtree(HERE / directory, ignore_errors=True)
        (HERE / directory).mkdir()
        for name, archive in archives.items():
            (HERE / directory / f"{name}.tar").write_bytes(archive)


if __name__ == "__main__":
    main()
