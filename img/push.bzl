"""Rules that push images."""

load("//img/private/rules:image_push.bzl", _image_push = "image_push")

image_push = _image_push
