"""Rules that make images."""

load("//img/private/lib:healthcheck.bzl", _healthcheck = "healthcheck")
load("//img/private/lib:inherit.bzl", _INHERIT = "INHERIT")
load("//img/private/rules:image_index.bzl", _image_index = "image_index")
load("//img/private/rules:image_manifest.bzl", _image_manifest = "image_manifest")

INHERIT = _INHERIT
healthcheck = _healthcheck
image_index = _image_index
image_manifest = _image_manifest
