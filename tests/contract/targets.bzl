"""What the contract is made of: targets whose command lines have every flag that a rule can emit.

Nothing is built, so files that no rule makes need not exist.
"""

load("//img:image.bzl", "INHERIT", "healthcheck", "image_index", "image_manifest")
load("//img:layer.bzl", "file_metadata", "image_layer", "layer_from_tar")
load("//img:push.bzl", "image_push")
load("//tests/analysis:fixtures.bzl", "fixture_executable", "fixture_layer", "fixture_shallow_image", "fixture_tree")

_PLATFORMS = {
    "linux_amd64": "@platforms//cpu:x86_64",
    "linux_arm64": "@platforms//cpu:aarch64",
}

_ANNOTATED = {
    "annotations": {
        "org.example.key": "a=b",
        "org.example.template": "@value",
    },
    "annotations_file": "annotations.txt",
}

_DESTINATION = {
    "registry": "registry.example.com",
    "repository": "team/app",
}

_LAYERS = {
    "full_layer": _ANNOTATED | {
        "compress": "zstd",
        "create_parent_directories": "enabled",
        "default_metadata": file_metadata(
            gid = 2,
            gname = "group",
            mode = "0640",
            mtime = "2026-01-31T00:00:00Z",
            pax_records = {"SCHILY.xattr.user.key": "line\nbreak"},
            uid = 1,
            uname = "user",
        ),
        "file_metadata": {"/etc/data.txt": file_metadata(mode = "0600")},
        "srcs": {
            "/app/program": ":program",
            "/etc/": "data.txt",
            "/usr/share/tree": ":tree",
        },
        "symlinks": {"/usr/bin/program": "../../app/program"},
        "tree_artifact_handling": "deduplicate_symlink",
    },
    "plain_layer": {"srcs": {"/etc/data": "data.txt"}},
    "single_layer": {"single_member": "enabled"},
}

# In each of the three ways.
_LAYERS_FROM_TARS = {
    "compressed_tar": _ANNOTATED | {
        "compress": "gzip",
        "estargz": "enabled",
        "media_type": "application/vnd.example.layer+gzip",
        "src": "root.tar",
    },
    "hashed_tar": _ANNOTATED | {
        "media_type": "application/vnd.example.layer+zstd",
        "src": "root.tar.zst",
    },
    "optimized_plain_tar": {
        "compress": "none",
        "optimize": True,
        "src": "root.tar",
    },
    "optimized_tar": _ANNOTATED | {
        "media_type": "application/vnd.example.layer+gzip",
        "optimize": True,
        "src": "root.tar",
    },
    "plain_tar": {
        "compress": "none",
        "src": "root.tgz",
    },
}

_IMAGES = {
    "arm64_image": {"platform": ":linux_arm64"},
    "artifact": {
        "artifact_type": "application/vnd.example.report",
        "config_media_type": "application/vnd.oci.empty.v1+json",
        "layers": ["//img/layer:empty"],
        "subject": ":full_image",
    },
    "cleared_image": {
        "base": ":full_image",
        "cmd": [],
        "entrypoint": [],
        "stop_signal": "",
        "user": "",
        "working_dir": "",
    },
    "full_image": _ANNOTATED | {
        "author": "Alice <alice@example.com>",
        "base": ":plain_image",
        "cmd": [INHERIT, "--listen", "@file", ""],
        "config_fragment": "fragment.json",
        "created": "created.txt",
        "entrypoint": ["/app/program", "-c", "one\ntwo"],
        "env": {"PATH": "/app:/bin"},
        "env_file": "env.txt",
        "exposed_ports": ["53/udp", "8000-8010"],
        "healthcheck": healthcheck(
            ["CMD-SHELL", "test -e /ok\nexit"],
            interval = "1m30s",
            retries = 3,
            start_interval = "1s",
            start_period = "5s",
            timeout = "10s",
        ),
        "label_files": ["labels.txt", "labels.json"],
        "labels": {"org.example.label": "value"},
        "layers": [":full_layer"],
        "on_build": ["RUN true"],
        "shell": ["/bin/bash", "-c"],
        "stop_signal": "SIGINT",
        "user": "65532:65532",
        "volumes": ["/data"],
        "working_dir": "/app",
    },
    "image_on_pulled": {"base": ":pulled_image"},
    "plain_image": {"layers": [":plain_layer", "root.tar"]},
}

_INDEXES = {
    "index": _ANNOTATED | {
        "manifests": [":full_image", ":arm64_image"],
        "subject": ":full_image",
    },
}

_PUSHES = {
    "push_index": _DESTINATION | {"image": ":index"},
    "push_manifest": _DESTINATION | {
        "image": ":image_on_pulled",
        "tag": "v1",
    },
}

_TARGETS = [
    (image_layer, _LAYERS),
    (layer_from_tar, _LAYERS_FROM_TARS),
    (image_manifest, _IMAGES),
    (image_index, _INDEXES),
    (image_push, _PUSHES),
]

CONTRACT_TARGETS = [":" + name for _, targets in _TARGETS for name in targets]

# buildifier: disable=unnamed-macro
def contract_targets():
    """Declares `CONTRACT_TARGETS` and what they are made of."""
    for name, cpu in _PLATFORMS.items():
        native.platform(name = name, constraint_values = ["@platforms//os:linux", cpu])
    fixture_executable(name = "program", data = ["data.txt"], tags = ["manual"])
    fixture_tree(name = "tree", tags = ["manual"])
    fixture_layer(name = "missing_layer", tags = ["manual"])
    fixture_shallow_image(
        name = "pulled_image",
        layer = ":missing_layer",
        missing_blob = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        tags = ["manual"],
    )
    for declare, targets in _TARGETS:
        for name, attributes in targets.items():
            declare(name = name, tags = ["manual"], **attributes)
