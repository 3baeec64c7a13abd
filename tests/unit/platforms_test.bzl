"""Unit tests of platforms.bzl."""

load(
    "//img/private/lib:platforms.bzl",  # buildifier: disable=bzl-visibility
    "ARCHITECTURE_BY_CONSTRAINT",
    "OS_ARCHITECTURE_PAIRS",
    "OS_BY_CONSTRAINT",
    "VARIANTS",
    "compatible_variants",
    "format_platform",
    "has_unnamed_variant",
    "normalize_variant",
    "platforms_equal",
    "select_by_platform",
)
load("//tests/unit:check.bzl", "table_test")

def _platform(text):
    parts = text.split("/")
    return struct(
        os = parts[0],
        architecture = parts[1],
        variant = parts[2] if len(parts) > 2 else "",
    )

def _equal(left, right):
    return platforms_equal(_platform(left), _platform(right))

def _select(manifests, platform):
    selected = select_by_platform([_platform(text) for text in manifests], _platform(platform))
    return format_platform(selected) if selected else None

def _format(os, architecture, variant):
    return format_platform(struct(os = os, architecture = architecture, variant = variant))

def _unnamed(image, platform):
    return has_unnamed_variant(_platform(image), _platform(platform))

def _known_words():
    """Names each pair that has no constraint values, or a variant without its architecture."""
    return [
        (os, architecture)
        for os, architectures in OS_ARCHITECTURE_PAIRS.items()
        for architecture in architectures
        if os not in OS_BY_CONSTRAINT.values() or architecture not in ARCHITECTURE_BY_CONSTRAINT.values()
    ] + [architecture for architecture in VARIANTS if architecture not in ARCHITECTURE_BY_CONSTRAINT.values()]

arm64_without_variant_is_v8_test = table_test(normalize_variant, [
    (["arm64", ""], "v8"),
    (["arm64", "v9"], "v9"),
    (["amd64", ""], ""),
    (["arm", ""], ""),
])

platforms_are_written_with_slashes_test = table_test(_format, [
    (["linux", "amd64", ""], "linux/amd64"),
    (["linux", "arm64", "v8"], "linux/arm64/v8"),
])

platforms_are_compared_by_normalized_variant_test = table_test(_equal, [
    (["linux/arm64", "linux/arm64/v8"], True),
    (["linux/amd64", "linux/amd64/v1"], False),
    (["linux/amd64", "darwin/amd64"], False),
    (["linux/amd64", "linux/386"], False),
])

older_variants_are_compatible_test = table_test(compatible_variants, [
    (["amd64", ""], [""]),
    (["amd64", "v1"], ["v1", ""]),
    (["amd64", "v3"], ["v3", "v2", "v1", ""]),
    (["amd64", "v9"], ["v9"]),
    (["arm", ""], [""]),
    (["arm", "v5"], ["v5"]),
    (["arm", "v7"], ["v7", "v6", "v5"]),
    (["arm64", ""], ["v8"]),
    (["arm64", "v8"], ["v8"]),
    (["arm64", "v8.2"], ["v8.2", "v8.1", "v8"]),
    (["arm64", "v9"], ["v9", "v8"]),
    (["arm64", "v9.2"], ["v9.2", "v9.1", "v9", "v8"]),
    (["riscv64", ""], [""]),
    (["riscv64", "rva23u64"], ["rva23u64"]),
])

unnamed_variants_are_found_test = table_test(_unnamed, [
    (["linux/amd64/v3", "linux/amd64"], True),
    (["linux/arm/v7", "linux/arm"], True),
    (["linux/riscv64/rva23u64", "linux/riscv64"], True),
    (["linux/arm64/v9", "linux/arm64"], False),
    (["linux/arm64/v8", "linux/arm64"], False),
    (["linux/arm64", "linux/arm64/v8"], False),
    (["linux/amd64", "linux/amd64"], False),
    (["linux/amd64", "linux/amd64/v3"], False),
    (["linux/amd64/v2", "linux/amd64/v3"], False),
    (["linux/amd64/v4", "linux/amd64/v3"], False),
    (["linux/arm/v7", "linux/amd64"], False),
    (["windows/amd64/v3", "linux/amd64"], False),
])

the_best_manifest_is_selected_test = table_test(_select, [
    ([[], "linux/amd64"], None),
    ([["linux/amd64"], "linux/amd64"], "linux/amd64"),
    ([["linux/arm64", "linux/amd64"], "linux/amd64"], "linux/amd64"),
    ([["linux/amd64", "linux/amd64/v2"], "linux/amd64/v3"], "linux/amd64/v2"),
    ([["linux/amd64/v2", "linux/amd64/v3"], "linux/amd64"], None),
    ([["linux/arm/v6", "linux/arm/v7"], "linux/arm/v7"], "linux/arm/v7"),
    ([["linux/arm/v6"], "linux/arm/v8"], "linux/arm/v6"),
    ([["linux/arm64"], "linux/arm64/v9.1"], "linux/arm64"),
    ([["linux/arm64/v8"], "linux/arm64"], "linux/arm64/v8"),
    ([["windows/amd64"], "linux/amd64"], None),
])

every_word_has_a_constraint_value_test = table_test(_known_words, [([], [])])
