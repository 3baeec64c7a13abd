"""Unit tests of image_paths.bzl and runfiles.bzl."""

load(
    "//img/private/lib:image_paths.bzl",  # buildifier: disable=bzl-visibility
    "as_format",
    "directory_prefix",
    "file_kind",
    "group_by_key",
    "has_line_break",
    "strip_root",
)
load("//img/private/lib:runfiles.bzl", "rlocation_path")  # buildifier: disable=bzl-visibility
load("//tests/unit:check.bzl", "table_test")

_FILE = struct(is_directory = False, is_symlink = False)
_TREE = struct(is_directory = True, is_symlink = False)
_SYMLINK = struct(is_directory = False, is_symlink = True)
_FILE_BEFORE_BAZEL_8 = struct(is_directory = False)

one_leading_slash_is_dropped_test = table_test(strip_root, [
    (["/app/server"], "app/server"),
    (["app/server"], "app/server"),
    (["//app"], "/app"),
    (["/"], ""),
])

line_breaks_are_found_test = table_test(has_line_break, [
    (["a b"], False),
    (["a\nb"], True),
    (["a\rb"], True),
    (["a\0b"], True),
])

runfiles_are_below_their_repository_test = table_test(rlocation_path, [
    (["pkg/file"], "_main/pkg/file"),
    (["pkg/file", "workspace"], "workspace/pkg/file"),
    (["../other~1.0/pkg/file"], "other~1.0/pkg/file"),
    (["../other~1.0/pkg/file", "workspace"], "other~1.0/pkg/file"),
])

kinds_are_letters_test = table_test(file_kind, [
    ([_FILE], "f"),
    ([_TREE], "d"),
    ([_SYMLINK], "l"),
    ([_FILE_BEFORE_BAZEL_8], "f"),
])

keys_of_one_place_are_grouped_test = table_test(group_by_key, [
    ([{"/a": 1, "a": 2, "b": 3}], {"a": [1, 2], "b": [3]}),
    ([{"/a/": 1, "a": 2}], {"a/": [1], "a": [2]}),
    ([{"/": 1}], {"/": [1]}),
])

several_files_go_below_the_key_test = table_test(directory_prefix, [
    (["a", 0], None),
    (["a", 1], None),
    (["a", 2], "a/"),
    (["a/", 1], "a/"),
    (["a/", 2], "a/"),
    (["/", 1], ""),
])

formats_are_literal_test = table_test(as_format, [
    (["100%s/"], "100%%s/"),
    (["a/b"], "a/b"),
])
