"""Rule `empty_layer`: the layer of an artifact that has none."""

load("//img/private/actions:layer_metadata.bzl", "layer_metadata_action")
load("//img/private/actions:run_img.bzl", "WORKER_ATTRS")
load("//img/private/lib:media_types.bzl", "EMPTY_JSON")
load("//img/private/providers:layer_info.bzl", "LayerInfo")
load("//img/private/providers:layers_info.bzl", "LayersInfo")
load("//img/private/toolchain:toolchain_type.bzl", "TOOLCHAIN_TYPE")

def _empty_layer_impl(ctx):
    blob = ctx.actions.declare_file(ctx.label.name + ".json")
    ctx.actions.write(blob, "{}")
    layer = layer_metadata_action(
        ctx,
        blob,
        label = ctx.label,
        output_name = ctx.label.name + "_metadata.json",
        media_type = EMPTY_JSON,
    )
    return [
        DefaultInfo(files = depset([layer.blob, layer.metadata])),
        OutputGroupInfo(
            layer = depset([layer.blob]),
            metadata = depset([layer.metadata]),
        ),
        layer,
        LayersInfo(layers = [layer]),
    ]

empty_layer = rule(
    implementation = _empty_layer_impl,
    doc = """Makes the layer that stands where a manifest needs one and there is nothing to say.

Source: OCI image-spec v1.1.1, manifest.md, "Guidance for an Empty Descriptor".
""",
    attrs = WORKER_ATTRS,
    provides = [LayerInfo],
    toolchains = [TOOLCHAIN_TYPE],
)
