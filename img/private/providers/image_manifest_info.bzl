"""Provider of an image for one platform."""

ImageManifestInfo = provider(
    doc = "An image for one platform.",
    fields = {
        "descriptor": "File: JSON descriptor of the manifest, with its platform and annotations.",
        "manifest": "File: JSON image manifest.",
        "config": "File: JSON image configuration.",
        "structured_config": "dict: what analysis knows of the configuration: architecture (str), os (str), variant (str, absent if there is none) and history (list, that of the base).",
        "architecture": "str: architecture as in the image configuration, a Go GOARCH.",
        "os": "str: operating system as in the image configuration, a Go GOOS.",
        "variant": "str: variant of the architecture as in the image configuration, or empty. That of arm64 is never empty.",
        "layers": "list of LayerInfo: all layers, those of the base first.",
        "missing_blobs": "list of str: digests (in hex, without algorithm) of layer blobs that are not files of this build.",
    },
)
