"""Provider of where an image was pulled from."""

PullInfo = provider(
    doc = "Where an image comes from, so that its missing blobs can be fetched or mounted from there.",
    fields = {
        "registries": "list of str: registries that serve the image, to be tried in this order.",
        "repository": "str: repository of the image in these registries.",
        "tag": "str or None: tag the image was asked for by.",
        "digest": "str or None: digest of the image, with its algorithm.",
    },
)
