"""How a layer is compressed."""

load("@bazel_skylib//rules:common_settings.bzl", "BuildSettingInfo")
load(
    "//img/private/lib:compression.bzl",
    "COMPRESSION_FORMATS",
    "compressed_media_type",
    "layer_extension",
    "parse_jobs",
    "parse_level",
)
load("//img/private/lib:fail_attr.bzl", "fail_attr")
load("//img/private/resolve:choice.bzl", "choice_attr", "resolve_choice")

COMPRESSION_ATTRS = {
    "compress": choice_attr(
        COMPRESSION_FORMATS,
        doc = "How to compress the layer",
        setting = "//img/settings:compress",
    ),
    "_compression_jobs": attr.label(
        default = "//img/settings:compression_jobs",
        providers = [BuildSettingInfo],
    ),
    "_compression_level": attr.label(
        default = "//img/settings:compression_level",
        providers = [BuildSettingInfo],
    ),
    "_default_compression": attr.label(
        default = "//img/settings:compress",
        providers = [BuildSettingInfo],
    ),
}

def resolve_compression(ctx):
    """Returns how a rule with `COMPRESSION_ATTRS` compresses.

    Args:
        ctx: rule context.

    Returns:
        struct of format (str), level (int, or None for the format's default), jobs (str), extension
        (str) and media_type (str).
    """
    format = resolve_choice(ctx.attr.compress, ctx.attr._default_compression)
    return struct(
        format = format,
        level = _resolve_level(ctx, format),
        jobs = _resolve_jobs(ctx),
        extension = layer_extension(format),
        media_type = compressed_media_type(format),
    )

def _resolve_level(ctx, format):
    setting = ctx.attr._compression_level
    text = setting[BuildSettingInfo].value
    parsed = parse_level(format, text, ctx.var["COMPILATION_MODE"])
    if parsed.error:
        fail_attr(
            ctx.label,
            "compress",
            expected = "compression level {}".format(parsed.error),
            found = "{} in {}".format(repr(text), setting.label),
            remedy = "set --{}=auto, or a level that {} has".format(setting.label, format),
        )
    return parsed.level

def _resolve_jobs(ctx):
    setting = ctx.attr._compression_jobs
    text = setting[BuildSettingInfo].value
    parsed = parse_jobs(text, ctx.var["COMPILATION_MODE"])
    if parsed.error:
        fail_attr(
            ctx.label,
            "compress",
            expected = "number of compression jobs: " + parsed.error,
            found = "{} in {}".format(repr(text), setting.label),
            remedy = "set --{}=auto".format(setting.label),
        )
    return parsed.jobs
