"""Unit tests of deploy.bzl."""

load(
    "//img/private/lib:deploy.bzl",  # buildifier: disable=bzl-visibility
    "launch_description",
    "merge_tags",
    "operation_symlinks",
    "root_symlinks_prefix",
)
load("//tests/unit:check.bzl", "table_test")

def _launch(prefix, request_file):
    return json.encode(launch_description(root_symlinks_prefix = prefix, request_file = request_file))

def _layer(name, blob):
    return struct(blob = blob, metadata = name + ".json")

_MANIFESTS = [
    struct(
        manifest = "m0",
        config = "c0",
        layers = [_layer("shared", "shared.tgz"), _layer("missing", None)],
    ),
    struct(manifest = "m1", config = "c1", layers = [_layer("shared", "shared.tgz")]),
]

tags_are_sorted_and_unique_test = table_test(merge_tags, [
    (["", []], []),
    (["v1", []], ["v1"]),
    (["", ["v2", "latest", "v2"]], ["latest", "v2"]),
])

runfiles_are_below_the_target_test = table_test(root_symlinks_prefix, [
    ([Label("//pkg/sub:name")], "++rules_img_private++/_main/pkg/sub/name/"),
    ([Label("//:name")], "++rules_img_private++/_main/name/"),
    ([Label("@platforms//os:linux")], "++rules_img_private++/{}/os/linux/".format(
        Label("@platforms//os:linux").repo_name,
    )),
])

launch_description_is_version_1_test = table_test(_launch, [
    (["p/", "_main/push.json"], json.encode(struct(
        version = 1,
        args = ["deploy", "--runfiles-root-symlinks-prefix", "p/", "--request-file", "_main/push.json"],
        env = {},
    ))),
])

runfiles_are_numbered_by_manifest_and_layer_test = table_test(operation_symlinks, [
    (["x/0/", None, _MANIFESTS[1:]], {
        "x/0/manifests/0/manifest.json": "m1",
        "x/0/manifests/0/config.json": "c1",
        "x/0/manifests/0/metadata/0": "shared.json",
        "x/0/manifests/0/layer/0": "shared.tgz",
    }),
    (["x/1/", "index", _MANIFESTS], {
        "x/1/index.json": "index",
        "x/1/manifests/0/manifest.json": "m0",
        "x/1/manifests/0/config.json": "c0",
        "x/1/manifests/0/metadata/0": "shared.json",
        "x/1/manifests/0/layer/0": "shared.tgz",
        "x/1/manifests/0/metadata/1": "missing.json",
        "x/1/manifests/1/manifest.json": "m1",
        "x/1/manifests/1/config.json": "c1",
        "x/1/manifests/1/metadata/0": "shared.json",
        "x/1/manifests/1/layer/0": "shared.tgz",
    }),
])
