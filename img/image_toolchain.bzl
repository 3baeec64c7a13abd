"""The `img` tool as a toolchain."""

load("//img/private/toolchain:image_toolchain.bzl", _image_toolchain = "image_toolchain")
load("//img/private/toolchain:toolchain_type.bzl", _TOOLCHAIN_TYPE = "TOOLCHAIN_TYPE")

TOOLCHAIN_TYPE = _TOOLCHAIN_TYPE
image_toolchain = _image_toolchain
