"""Provider of an image for several platforms."""

ImageIndexInfo = provider(
    doc = "An image for several platforms.",
    fields = {
        "index": "File: JSON image index.",
        "manifests": "list of ImageManifestInfo: the image for each platform, in the order of the index.",
    },
)
