"""Provider of an image with the place it is deployed to."""

DeployInfo = provider(
    doc = "An image with the place it is deployed to.",
    fields = {
        "image": "ImageManifestInfo or ImageIndexInfo: the image.",
        "deploy_manifest": "File: JSON deploy manifest with one operation.",
        "layer_hints": "File or None: where layer blobs can be found in the output tree, for a strategy that looks there.",
    },
)
