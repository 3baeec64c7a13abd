"""Rules that make layers."""

load("//img/private/lib:file_metadata.bzl", _file_metadata = "file_metadata")
load("//img/private/rules:image_layer.bzl", _image_layer = "image_layer")

file_metadata = _file_metadata
image_layer = _image_layer
