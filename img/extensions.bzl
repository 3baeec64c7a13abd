"""Module extensions."""

load("//img/private/repo:img_tool_extension.bzl", _img_tool = "img_tool")

img_tool = _img_tool
