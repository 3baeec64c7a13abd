"""Unit tests of the small functions of lib/."""

load("//img/private/lib:build_host.bzl", "can_build_tool")  # buildifier: disable=bzl-visibility
load("//img/private/lib:fail_attr.bzl", "attr_error")  # buildifier: disable=bzl-visibility
load("//img/private/lib:file_metadata.bzl", "file_metadata", "is_file_metadata")  # buildifier: disable=bzl-visibility
load("//img/private/lib:key_values.bzl", "key_values", "keys_with_equals_sign")  # buildifier: disable=bzl-visibility
load("//img/private/lib:media_types.bzl", "layer_media_type")  # buildifier: disable=bzl-visibility
load("//img/private/lib:templates.bzl", "has_template")  # buildifier: disable=bzl-visibility
load("//tests/unit:check.bzl", "table_test")

def _metadata(values):
    return file_metadata(**values)

def _error(subject, attribute):
    return attr_error(
        subject,
        attribute,
        expected = "this",
        found = "that",
        remedy = "do something",
    )

an_error_says_what_and_what_to_do_test = table_test(_error, [
    (["//pkg:name", "tag"], """//pkg:name: attribute `tag`
  expected: this
  found: that
  remedy: do something"""),
])

metadata_holds_what_was_given_test = table_test(_metadata, [
    ([{}], "{}"),
    ([{"mode": "0644"}], '{"mode":"0644"}'),
    ([{"gid": 0, "uid": 1000}], '{"gid":0,"uid":1000}'),
    ([{
        "gname": "g",
        "mtime": "2024-01-01T00:00:00Z",
        "pax_records": {"a": "b"},
        "uname": "u",
    }], '{"gname":"g","mtime":"2024-01-01T00:00:00Z","pax_records":{"a":"b"},"uname":"u"}'),
])

metadata_is_a_json_object_test = table_test(is_file_metadata, [
    (["{}"], True),
    (['{"mode":"0644"}'], True),
    (["0644"], False),
    (["[]"], False),
    (["mode=0644"], False),
])

keys_and_values_are_joined_test = table_test(key_values, [
    ([{}], []),
    ([{"b": "1", "a": "x=y"}], ["b=1", "a=x=y"]),
])

keys_with_equals_sign_are_found_test = table_test(keys_with_equals_sign, [
    ([{"a": "x=y"}], []),
    ([{"": "1", "a=b": "2"}], ["", "a=b"]),
])

media_types_follow_the_name_test = table_test(layer_media_type, [
    (["a.tar"], "application/vnd.oci.image.layer.v1.tar"),
    (["a.tar.gz"], "application/vnd.oci.image.layer.v1.tar+gzip"),
    (["a.tgz"], "application/vnd.oci.image.layer.v1.tar+gzip"),
    (["a.tar.zst"], "application/vnd.oci.image.layer.v1.tar+zstd"),
    (["a.tzst"], "application/vnd.oci.image.layer.v1.tar+zstd"),
    (["a.zip"], None),
    (["a.gz"], None),
])

only_linux_builds_the_tool_test = table_test(can_build_tool, [
    (["linux"], True),
    (["mac os x"], False),
    (["windows 11"], False),
    (["freebsd"], False),
])

templates_start_with_two_braces_test = table_test(has_template, [
    (["{{.VERSION}}"], True),
    (["${VERSION}"], False),
    (["{"], False),
])
