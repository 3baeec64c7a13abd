"""The layers of the image, once for every compression of the program's layer."""

load("@rules_img//img:layer.bzl", "file_metadata", "image_layer")

def hello_layers(name, program_compression):
    """Declares the layers of the image.

    Args:
        name: str, prefix of the layers' names.
        program_compression: str, `gzip` or `zstd`, of the layer with the program.

    Returns:
        list of the layers' labels, lowest first.
    """
    image_layer(
        name = name + "_shell",
        srcs = {"/bin/busybox": "@busybox//:busybox"},
        compress = "gzip",
        symlinks = {"/bin/sh": "busybox"},
    )
    image_layer(
        name = name + "_program",
        srcs = {
            "/app/hello": ":hello",
            "/srv/tree": ":tree",
        },
        compress = program_compression,
        symlinks = {"/usr/bin/hello": "/app/hello"},
    )
    image_layer(
        name = name + "_data",
        srcs = {
            "/etc/hello": ":settings",
            "/srv/copy.txt": "greeting.txt",
            "/srv/greeting.txt": "greeting.txt",
            "/srv/platform.txt": ":platform",
        },
        compress = "gzip",
        create_parent_directories = "enabled",
        default_metadata = file_metadata(mode = "0644"),
        file_metadata = {
            "/etc/hello/color.conf": file_metadata(
                gid = 2000,
                mode = "0640",
                mtime = "2001-02-03T04:05:06Z",
                uid = 1000,
            ),
        },
    )
    return [name + suffix for suffix in ["_shell", "_program", "_data"]]
