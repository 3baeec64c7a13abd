"""Analysis tests that compare all of something: a command line, the providers, a message."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("//img:providers.bzl", "DeployInfo", "ImageIndexInfo", "ImageManifestInfo", "LayerInfo", "LayersInfo", "PullInfo")

def normalize(text):
    """Returns text without what differs between configurations and Bazel versions.

    `bazel-out/<configuration>/bin/` becomes `bin/`, and NUL becomes `|`.

    Args:
        text: str.

    Returns:
        str.
    """
    parts = text.split("bazel-out/")
    return (parts[0] + "".join([
        "bin/" + part.partition("/bin/")[2]
        for part in parts[1:]
    ])).replace("\0", "|")

def _actions(env, mnemonic):
    return [
        action
        for action in analysistest.target_actions(env)
        if action.mnemonic == mnemonic
    ]

def _config_settings(settings):
    # The labels of options stand for themselves, others are looked up as they are written here.
    return {
        name if name.startswith("//command_line_option:") else str(Label(name)): value
        for name, value in settings.items()
    }

# Command lines.

def _argv_test_impl(ctx):
    env = analysistest.begin(ctx)
    actions = [
        action
        for action in _actions(env, ctx.attr.mnemonic)
        if ctx.attr.output in [""] + [file.basename for file in action.outputs.to_list()]
    ]
    asserts.equals(env, 1, len(actions), "number of actions with mnemonic " + ctx.attr.mnemonic)
    for action in actions:
        # Without the tool.
        asserts.equals(env, ctx.attr.argv, [normalize(argument) for argument in action.argv[1:]])
        inputs = sorted([normalize(file.path) for file in action.inputs.to_list()])
        for file in ctx.attr.inputs:
            asserts.true(env, file in inputs, "{} is an input, of {}".format(file, inputs))
        for file in ctx.attr.no_inputs:
            asserts.false(env, file in inputs, "{} is no input".format(file))
    return analysistest.end(env)

_ARGV_ATTRS = {
    "argv": attr.string_list(doc = "The whole command line."),
    "inputs": attr.string_list(doc = "Files that have to be inputs."),
    "mnemonic": attr.string(mandatory = True),
    "no_inputs": attr.string_list(doc = "Files that must not be inputs."),
    "output": attr.string(doc = "Name of an output, where several actions have the mnemonic."),
}

def argv_test_rule(settings = {}):
    """Returns a test rule that compares the command line of one action.

    Args:
        settings: dict from label to value of build settings.

    Returns:
        A test rule, to be given to a global variable.
    """
    return analysistest.make(
        _argv_test_impl,
        attrs = _ARGV_ATTRS,
        config_settings = _config_settings(settings),
    )

# Written files.

def _written_file_test_impl(ctx):
    env = analysistest.begin(ctx)
    written = {
        action.outputs.to_list()[0].basename: action.content
        for action in _actions(env, "FileWrite")
    }
    for name, content in ctx.attr.files.items():
        asserts.equals(env, content, written.get(name))
    return analysistest.end(env)

written_file_test = analysistest.make(
    _written_file_test_impl,
    attrs = {"files": attr.string_dict(doc = "Base name of a file to its content.")},
)

# Failures.

def _failure_test_impl(ctx):
    env = analysistest.begin(ctx)
    for part in ctx.attr.message:
        asserts.expect_failure(env, part)
    return analysistest.end(env)

def failure_test_rule(settings = {}):
    """Returns a test rule that expects the analysis to fail.

    Args:
        settings: dict from label to value of build settings.

    Returns:
        A test rule, to be given to a global variable.
    """
    return analysistest.make(
        _failure_test_impl,
        attrs = {"message": attr.string_list(doc = "Parts of the message.", mandatory = True)},
        config_settings = _config_settings(settings),
        expect_failure = True,
    )

# Providers.

def _path(file):
    return normalize(file.path) if file else "None"

def _paths(files):
    return ", ".join([_path(file) for file in files])

def _describe_layer(layer):
    return "{} {} {} {}".format(
        _path(layer.blob),
        _path(layer.metadata),
        layer.media_type,
        "estargz" if layer.estargz else "plain",
    )

def _describe_manifest(manifest):
    return {
        "config": _path(manifest.config),
        "descriptor": _path(manifest.descriptor),
        "layers": ", ".join([_path(layer.blob) for layer in manifest.layers]),
        "manifest": _path(manifest.manifest),
        "missing_blobs": ", ".join(manifest.missing_blobs),
        "platform": "/".join([manifest.os, manifest.architecture, manifest.variant]),
        "structured_config": json.encode(manifest.structured_config),
    }

def _describe(target):
    """Returns what a target provides, as text by name."""
    description = {"files": _paths(target[DefaultInfo].files.to_list())}
    if OutputGroupInfo in target:
        for name in dir(target[OutputGroupInfo]):
            if not name.startswith("_") and name not in ["to_json", "to_proto"]:
                description["group " + name] = _paths(getattr(target[OutputGroupInfo], name).to_list())
    if LayerInfo in target:
        description["LayerInfo"] = _describe_layer(target[LayerInfo])
    if LayersInfo in target:
        description["LayersInfo"] = _paths([layer.blob for layer in target[LayersInfo].layers])
    if ImageManifestInfo in target:
        for name, text in _describe_manifest(target[ImageManifestInfo]).items():
            description["ImageManifestInfo." + name] = text
    if ImageIndexInfo in target:
        index = target[ImageIndexInfo]
        description["ImageIndexInfo.index"] = _path(index.index)
        description["ImageIndexInfo.manifests"] = ", ".join([
            _describe_manifest(manifest)["platform"]
            for manifest in index.manifests
        ])
    if PullInfo in target:
        description["PullInfo.repository"] = target[PullInfo].repository
    if DeployInfo in target:
        description["DeployInfo.deploy_manifest"] = _path(target[DeployInfo].deploy_manifest)
        description["DeployInfo.layer_hints"] = _path(target[DeployInfo].layer_hints)
        root = getattr(target[DeployInfo].image, "index", None) or target[DeployInfo].image.manifest
        description["DeployInfo.image"] = _path(root)
    if DeployInfo in target:
        environment = target[RunEnvironmentInfo]
        description["environment"] = json.encode(environment.environment)
        description["inherited environment"] = ", ".join(environment.inherited_environment)
        runfiles = target[DefaultInfo].default_runfiles
        description["executable"] = _path(target[DefaultInfo].files_to_run.executable)
        description["runfiles"] = _paths(runfiles.files.to_list())
        description["runfiles root symlinks"] = ", ".join(sorted([
            entry.path + " -> " + _path(entry.target_file)
            for entry in runfiles.root_symlinks.to_list()
        ]))
    return description

def _providers_test_impl(ctx):
    env = analysistest.begin(ctx)
    description = _describe(analysistest.target_under_test(env))
    asserts.equals(env, ctx.attr.expected, {
        name: text
        for name, text in description.items()
        if name in ctx.attr.expected
    })
    return analysistest.end(env)

providers_test = analysistest.make(
    _providers_test_impl,
    attrs = {"expected": attr.string_dict(doc = "What the target provides, by name; see `_describe`.")},
)
