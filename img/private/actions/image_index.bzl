"""Builds the index of an image for several platforms."""

load("//img/private/actions:run_img.bzl", "img_args", "run_img")
load("//img/private/attrs:annotations.bzl", "add_annotations")
load("//img/private/attrs:subject.bzl", "add_subject")

def image_index_action(ctx, manifests):
    """Builds the index that the attributes of `image_index` describe.

    Args:
        ctx: rule context of `image_index`.
        manifests: list of ImageManifestInfo.

    Returns:
        struct of index and digest, each a File.
    """
    index = ctx.actions.declare_file(ctx.label.name + "_index.json")
    digest = ctx.actions.declare_file(ctx.label.name + "_digest")
    descriptors = [manifest.descriptor for manifest in manifests]
    args = img_args(ctx, "index")
    args.add_all(descriptors, before_each = "--manifest-descriptor")
    inputs = descriptors + add_annotations(args, ctx) + add_subject(args, ctx)
    args.add("--digest", digest)
    args.add(index)
    run_img(
        ctx,
        [args],
        mnemonic = "ImageIndex",
        progress_message = "Building image index %{label}",
        inputs = inputs,
        outputs = [index, digest],
        worker = True,
    )
    return struct(index = index, digest = digest)
