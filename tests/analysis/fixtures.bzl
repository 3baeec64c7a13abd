"""Targets to build layers and images from, which no other rule makes as simply."""

load("//img:providers.bzl", "ImageManifestInfo", "LayerInfo", "PullInfo")
load("//img/private/actions:layer_content.bzl", "layer_content_args")  # buildifier: disable=bzl-visibility

def _declared(ctx, name, content = ""):
    file = ctx.actions.declare_file(name)
    ctx.actions.write(file, content)
    return file

def _fixture_executable_impl(ctx):
    executable = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(executable, "", is_executable = True)
    other = _declared(ctx, ctx.label.name + ".other")
    symlink_target = _declared(ctx, ctx.label.name + ".target")
    root_symlink_target = _declared(ctx, ctx.label.name + ".root_target")
    return [DefaultInfo(
        executable = executable,
        files = depset([executable, other]),
        runfiles = ctx.runfiles(
            files = [executable] + ctx.files.data,
            symlinks = {"links/100%": symlink_target},
            root_symlinks = {"root/link": root_symlink_target},
        ),
    )]

fixture_executable = rule(
    implementation = _fixture_executable_impl,
    doc = "An executable with runfiles of every kind, and another default output.",
    attrs = {"data": attr.label_list(allow_files = True)},
    executable = True,
)

def _fixture_tree_impl(ctx):
    tree = ctx.actions.declare_directory(ctx.label.name)
    ctx.actions.run_shell(command = "true", outputs = [tree])
    return [DefaultInfo(files = depset([tree]), runfiles = ctx.runfiles(files = [tree]))]

fixture_tree = rule(
    implementation = _fixture_tree_impl,
    doc = "A directory.",
)

def _fixture_layer_impl(ctx):
    metadata = _declared(ctx, ctx.label.name + "_metadata.json")
    return [LayerInfo(
        blob = None,
        metadata = metadata,
        media_type = "application/vnd.oci.image.layer.v1.tar+gzip",
        estargz = False,
    )]

fixture_layer = rule(
    implementation = _fixture_layer_impl,
    doc = "A layer whose blob is not part of the build.",
)

def _fixture_shallow_image_impl(ctx):
    files = {
        name: _declared(ctx, "{}_{}.json".format(ctx.label.name, name))
        for name in ["manifest", "config", "descriptor"]
    }
    return [
        DefaultInfo(files = depset([files["manifest"]])),
        ImageManifestInfo(
            architecture = ctx.attr.architecture,
            layers = [ctx.attr.layer[LayerInfo]],
            missing_blobs = [ctx.attr.missing_blob],
            os = "linux",
            structured_config = {"history": [{"comment": ctx.attr.repository}]},
            variant = ctx.attr.variant,
            **files
        ),
        PullInfo(
            registries = ["mirror.example.com", "registry.example.com"],
            repository = ctx.attr.repository,
            tag = "v1",
            digest = "sha256:" + ctx.attr.missing_blob,
        ),
    ]

fixture_shallow_image = rule(
    implementation = _fixture_shallow_image_impl,
    doc = "An image as a pull without its layers provides it.",
    attrs = {
        "architecture": attr.string(default = "amd64"),
        "layer": attr.label(mandatory = True, providers = [LayerInfo]),
        "missing_blob": attr.string(default = "e3b0c442"),
        "repository": attr.string(default = "library/debian"),
        "variant": attr.string(),
    },
)

def _fixture_empty_runfiles_impl(ctx):
    executable = _declared(ctx, ctx.label.name + ".py")

    # What Bazel makes up for Python cannot be made up by another rule, so this stands for it.
    runfiles = struct(
        empty_filenames = depset(["pkg/__init__.py", "../other/__init__.py"]),
        files = depset([executable]),
        root_symlinks = depset(),
        symlinks = depset(),
    )
    content = layer_content_args(ctx, {
        path: struct(executable = executable, repo_mapping = None, runfiles = runfiles)
        for path in ["/app", "/bin/app"]
    })
    output = ctx.actions.declare_file(ctx.label.name + ".out")
    ctx.actions.run(
        arguments = content.arguments,
        executable = "true",
        inputs = content.inputs,
        mnemonic = "EmptyRunfiles",
        outputs = [output],
    )
    return [DefaultInfo(files = depset([output]))]

fixture_empty_runfiles = rule(
    implementation = _fixture_empty_runfiles_impl,
    doc = "The content of a layer with an executable for which Bazel makes up `__init__.py` files.",
)
