"""Rules that make layers."""

load("//img/private/lib:file_metadata.bzl", _file_metadata = "file_metadata")
load("//img/private/rules:image_layer.bzl", _image_layer = "image_layer")
load("//img/private/rules:layer_from_tar.bzl", _layer_from_tar = "layer_from_tar")

file_metadata = _file_metadata
image_layer = _image_layer
layer_from_tar = _layer_from_tar
