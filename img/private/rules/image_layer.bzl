"""Rule `image_layer`: a layer of files."""

load("@bazel_skylib//rules:common_settings.bzl", "BuildSettingInfo")
load("//img/private/actions:layer.bzl", "layer_action")
load("//img/private/actions:run_img.bzl", "WORKER_ATTRS")
load("//img/private/attrs:annotations.bzl", "ANNOTATION_ATTRS")
load("//img/private/attrs:checks.bzl", "check_keys")
load("//img/private/lib:fail_attr.bzl", "fail_attr")
load("//img/private/lib:file_metadata.bzl", "is_file_metadata")
load("//img/private/lib:image_paths.bzl", "has_line_break", "strip_root")
load("//img/private/providers:layer_info.bzl", "LayerInfo")
load("//img/private/providers:layers_info.bzl", "LayersInfo")
load("//img/private/resolve:choice.bzl", "choice_attr", "resolve_choice")
load("//img/private/resolve:compression.bzl", "ENABLED", "compression_attrs", "resolve_compression")
load("//img/private/toolchain:toolchain_type.bzl", "TOOLCHAIN_TYPE")

def _image_layer_impl(ctx):
    _check_paths(ctx, "srcs", ctx.attr.srcs.keys())
    _check_paths(ctx, "file_metadata", ctx.attr.file_metadata.keys())
    _check_paths(ctx, "symlinks", ctx.attr.symlinks.keys())
    _check_link_texts(ctx)
    _check_metadata(ctx)
    check_keys(ctx, "annotations")
    layer = layer_action(
        ctx,
        compression = resolve_compression(ctx),
        create_parent_directories = resolve_choice(
            ctx.attr.create_parent_directories,
            ctx.attr._default_create_parent_directories,
        ) == ENABLED,
        tree_artifact_handling = resolve_choice(
            ctx.attr.tree_artifact_handling,
            ctx.attr._default_tree_artifact_handling,
        ),
    )
    return [
        DefaultInfo(files = depset([layer.blob])),
        OutputGroupInfo(
            layer = depset([layer.blob]),
            metadata = depset([layer.metadata]),
        ),
        layer,
        LayersInfo(layers = [layer]),
    ]

def _check_paths(ctx, attribute, paths):
    for path in paths:
        is_root = attribute == "srcs" and path == "/"
        if (strip_root(path) or is_root) and not has_line_break(path):
            continue
        fail_attr(
            ctx.label,
            attribute,
            expected = "paths in the image as keys, without line breaks",
            found = repr(path),
            remedy = "name a file or directory, for example `/app/server`",
        )

def _check_link_texts(ctx):
    for link, target in ctx.attr.symlinks.items():
        if not target or has_line_break(target):
            fail_attr(
                ctx.label,
                "symlinks",
                expected = "a path, without line breaks, for the symlink to point at",
                found = "{} for {}".format(repr(target), repr(link)),
                remedy = "write the text of the symlink, for example `/usr/bin/python3.12`",
            )

def _check_metadata(ctx):
    given = {repr(path): text for path, text in ctx.attr.file_metadata.items()}
    for where, text in given.items():
        _check_json(ctx, "file_metadata", text, " for " + where)
    if ctx.attr.default_metadata:
        _check_json(ctx, "default_metadata", ctx.attr.default_metadata, "")

def _check_json(ctx, attribute, text, where):
    if not is_file_metadata(text):
        fail_attr(
            ctx.label,
            attribute,
            expected = "a JSON object",
            found = repr(text) + where,
            remedy = "load `file_metadata` from @rules_img//img:layer.bzl and write " +
                     "`file_metadata(mode = \"0644\")`",
        )

image_layer = rule(
    implementation = _image_layer_impl,
    doc = """Builds a layer from files, trees of files, and executables with their runfiles.

```starlark
image_layer(
    name = "app",
    srcs = {
        "/app/server": "//cmd/server",
        "/etc/server/": ":config_files",
    },
    symlinks = {"/usr/local/bin/server": "/app/server"},
)
```

Output groups: `layer` (the blob) and `metadata` (JSON with its digests and size).
""",
    attrs = ANNOTATION_ATTRS | compression_attrs() | WORKER_ATTRS | {
        "create_parent_directories": choice_attr(
            ["enabled", "disabled"],
            doc = "Whether the layer has an entry for each directory that leads to one of its files",
            setting = "//img/settings:create_parent_directories",
        ),
        "default_metadata": attr.string(
            doc = "Metadata of all regular files of `srcs`, as `file_metadata()` returns it. Empty by default: mode 0755, owner and group 0, time 0.",
        ),
        "file_metadata": attr.string_dict(
            doc = """Path in the image to the metadata of that file, as `file_metadata()` returns it.

It goes over `default_metadata`. Each path has to be that of an entry of the layer: a file, also of a tree or of
runfiles, the root of a tree, or a symlink, whose mode stays 0777.""",
        ),
        "include_runfiles": attr.bool(
            default = True,
            doc = "Whether an executable brings its runfiles, to `<path>.runfiles`. If not, only its default outputs are added. True by default.",
        ),
        "srcs": attr.string_keyed_label_dict(
            allow_files = True,
            doc = """Path in the image to the target that goes there.

An executable goes there with its runfiles beside it. Of any other target, all default outputs are
added: a single file is put at the path itself, several below it by their base names. A path that ends
in a slash is a directory to put things into, however many there are.

A symlink that an action declares (`ctx.actions.declare_symlink`) is stored as a symlink from Bazel 8 on.
Bazel 7 does not tell it from a file, so what it points at is added; if there is nothing, the action fails
with `No such file or directory`. Write such a symlink into `symlinks`.""",
        ),
        "symlinks": attr.string_dict(
            doc = "Path of a symlink in the image to the text of the symlink, which is kept as it is. Empty by default.",
        ),
        "tree_artifact_handling": choice_attr(
            ["full", "deduplicate_symlink"],
            doc = "What becomes of a directory whose content the layer has already: all of its files again (as hard links), or one symlink to the first",
            setting = "//img/settings:layer_tree_artifact_handling",
        ),
        "_default_create_parent_directories": attr.label(
            default = "//img/settings:create_parent_directories",
            providers = [BuildSettingInfo],
        ),
        "_default_tree_artifact_handling": attr.label(
            default = "//img/settings:layer_tree_artifact_handling",
            providers = [BuildSettingInfo],
        ),
    },
    provides = [LayerInfo, LayersInfo],
    toolchains = [TOOLCHAIN_TYPE],
)
