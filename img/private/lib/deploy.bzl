"""Names and documents of deploy operations."""

load("//img/private/lib:runfiles.bzl", "MAIN_REPOSITORY")

EAGER = "eager"

# How the blobs of a push get to the registry.
PUSH_STRATEGIES = [
    EAGER,
    "lazy",
    "cas_registry",
    "bes",
]

# What a deploy target takes from the environment it is run in, besides what it is found by.
INHERITED_ENVIRONMENT = [
    "DOCKER_CONFIG",
    "IMG_CREDENTIAL_HELPER",
    "IMG_REAPI_ENDPOINT",
]

_RUNFILES_NAMESPACE = "++rules_img_private++"

def merge_tags(tag, tag_list):
    """Returns the tags of a push, each once and sorted.

    Args:
        tag: str, the one tag, or empty.
        tag_list: list of str.

    Returns:
        list of str.
    """
    tags = ([tag] if tag else []) + tag_list
    return sorted({tag: None for tag in tags}.keys())

def root_symlinks_prefix(label):
    """Returns the directory below which a deploy target has its files in its runfiles.

    It names the target, so that the runfiles of several targets can be merged.

    Args:
        label: Label of the target.

    Returns:
        str ending in a slash.
    """
    parts = [_RUNFILES_NAMESPACE, label.repo_name or MAIN_REPOSITORY, label.package, label.name]
    return "/".join([part for part in parts if part]) + "/"

def launch_description(*, root_symlinks_prefix, request_file):
    """Returns what the `img` tool reads when it is started as a deploy target's executable.

    Args:
        root_symlinks_prefix: str from `root_symlinks_prefix`.
        request_file: str, path of the deploy manifest below the runfiles directory.

    Returns:
        struct to be encoded as JSON.
    """
    return struct(
        version = 1,
        args = [
            "deploy",
            "--runfiles-root-symlinks-prefix",
            root_symlinks_prefix,
            "--request-file",
            request_file,
        ],
        env = {},
    )

def operation_symlinks(prefix, index, manifests):
    """Returns the files of one eager deploy operation at their places in its runfiles.

    Args:
        prefix: str, the operation's directory, ending in a slash.
        index: File of the index, or None for a single manifest.
        manifests: list of ImageManifestInfo.

    Returns:
        dict from runfiles path to File.
    """
    symlinks = {}
    if index:
        symlinks[prefix + "index.json"] = index
    for position, manifest in enumerate(manifests):
        directory = "{}manifests/{}/".format(prefix, position)
        symlinks[directory + "manifest.json"] = manifest.manifest
        symlinks[directory + "config.json"] = manifest.config
        for number, layer in enumerate(manifest.layers):
            symlinks["{}metadata/{}".format(directory, number)] = layer.metadata
            if layer.blob:
                symlinks["{}layer/{}".format(directory, number)] = layer.blob
    return symlinks
