"""How a layer is compressed."""

load("@bazel_skylib//rules:common_settings.bzl", "BuildSettingInfo")
load(
    "//img/private/lib:compression.bzl",
    "COMPRESSION_FORMATS",
    "UNCOMPRESSED",
    "compressed_media_type",
    "layer_extension",
    "parse_jobs",
    "parse_level",
    "parse_member_cache",
)
load("//img/private/lib:fail_attr.bzl", "fail_attr")
load("//img/private/resolve:choice.bzl", "choice_attr", "resolve_choice")

ENABLED = "enabled"

def _setting(name):
    return attr.label(
        default = "//img/settings:" + name,
        providers = [BuildSettingInfo],
    )

def compression_attrs(formats = COMPRESSION_FORMATS):
    """Returns the attributes of a rule whose layers are compressed.

    Args:
        formats: list of str, values of `compress` beside `auto`.

    Returns:
        dict of attributes.
    """
    return {
        "compress": choice_attr(
            formats,
            doc = "How to compress the layer",
            setting = "//img/settings:compress",
        ),
        "estargz": choice_attr(
            ["enabled", "disabled"],
            doc = "Whether the layer can be pulled lazily: as eStargz with gzip, as zstd:chunked with zstd",
            setting = "//img/settings:estargz",
        ),
        "single_member": choice_attr(
            ["enabled", "disabled"],
            doc = "Whether the layer is one gzip member or zstd frame, for readers that stop at the end of the first",
            setting = "//img/settings:single_member",
        ),
        "_compression_jobs": _setting("compression_jobs"),
        "_compression_level": _setting("compression_level"),
        "_default_compression": _setting("compress"),
        "_default_estargz": _setting("estargz"),
        "_default_single_member": _setting("single_member"),
        "_encoder_annotation": _setting("encoder_annotation"),
        "_layer_member_cache": _setting("layer_member_cache"),
        "_layer_member_cache_size": _setting("layer_member_cache_size"),
    }

def resolve_estargz(ctx):
    """Tells whether the layer of a rule with `compression_attrs` can be pulled lazily.

    Args:
        ctx: rule context.

    Returns:
        bool.
    """
    return resolve_choice(ctx.attr.estargz, ctx.attr._default_estargz) == ENABLED

def resolve_compression(ctx, format = None):
    """Returns how a rule with `compression_attrs` compresses.

    Args:
        ctx: rule context.
        format: str, gzip, zstd or none; what the attribute and the setting say by default.

    Returns:
        struct of format (str), level (int, or None for the format's default), jobs (str), estargz
        (bool), single_member (bool), encoder_annotation (bool), member_cache (struct of place and
        size, or None), extension (str) and media_type (str).
    """
    if format == None:
        format = resolve_choice(ctx.attr.compress, ctx.attr._default_compression)
    estargz = resolve_estargz(ctx)
    single_member = resolve_choice(ctx.attr.single_member, ctx.attr._default_single_member) == ENABLED
    _check_estargz(ctx, format, estargz, single_member)
    return struct(
        format = format,
        level = _resolve_level(ctx, format),
        jobs = _resolve_jobs(ctx),
        estargz = estargz,
        single_member = single_member and format != UNCOMPRESSED,
        encoder_annotation = ctx.attr._encoder_annotation[BuildSettingInfo].value == ENABLED,
        member_cache = _resolve_member_cache(ctx),
        extension = layer_extension(format),
        media_type = compressed_media_type(format),
    )

def _check_estargz(ctx, format, estargz, single_member):
    if estargz and format == UNCOMPRESSED:
        fail_attr(
            ctx.label,
            "estargz",
            expected = "a compressed layer, for eStargz is a way to compress",
            found = "compress = \"none\"",
            remedy = "set `compress` to gzip or zstd, or `estargz` to disabled",
        )
    if estargz and single_member:
        fail_attr(
            ctx.label,
            "single_member",
            expected = "disabled where `estargz` is enabled: each file begins a member there",
            found = "both enabled",
            remedy = "disable one of the two",
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

def _resolve_member_cache(ctx):
    place = ctx.attr._layer_member_cache[BuildSettingInfo].value
    size = ctx.attr._layer_member_cache_size[BuildSettingInfo].value
    parsed = parse_member_cache(place, size)
    if parsed.error:
        fail_attr(
            ctx.label,
            "compress",
            expected = "member cache: " + parsed.error,
            found = "{} in {} and {} in {}".format(
                repr(place),
                ctx.attr._layer_member_cache.label,
                repr(size),
                ctx.attr._layer_member_cache_size.label,
            ),
            remedy = "set --{}=memory, for example".format(ctx.attr._layer_member_cache.label),
        )
    return struct(place = place, size = size) if place else None
