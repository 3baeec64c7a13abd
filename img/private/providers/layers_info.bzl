"""Provider of several layers."""

LayersInfo = provider(
    doc = "Layers that one target puts into an image.",
    fields = {
        "layers": "list of LayerInfo: the layers, lowest first.",
    },
)
