"""Rules that make images."""

load("//img/private/rules:image_index.bzl", _image_index = "image_index")
load("//img/private/rules:image_manifest.bzl", _image_manifest = "image_manifest")

image_index = _image_index
image_manifest = _image_manifest
