"""Attribute for the image that a manifest or an index refers to."""

load("//img/private/providers:image_index_info.bzl", "ImageIndexInfo")
load("//img/private/providers:image_manifest_info.bzl", "ImageManifestInfo")

SUBJECT_ATTRS = {
    "subject": attr.label(
        doc = """Image that this one is about, as a signature or an attestation is. None by default.

Registries list the images that have a subject as its referrers.""",
        providers = [[ImageManifestInfo], [ImageIndexInfo]],
    ),
}

def add_subject(args, ctx):
    """Adds the value of `SUBJECT_ATTRS` to a command line.

    Args:
        args: Args to add to.
        ctx: rule context.

    Returns:
        list of File to be declared as inputs.
    """
    target = ctx.attr.subject
    if not target:
        return []
    if ImageManifestInfo in target:
        document = target[ImageManifestInfo].manifest
    else:
        document = target[ImageIndexInfo].index
    args.add("--subject", document)
    return [document]
