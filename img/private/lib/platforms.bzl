"""Platforms as OCI names them: operating system, architecture, variant."""

# Constraint value in @platforms//os -> `os` of the image configuration (a Go GOOS).
OS_BY_CONSTRAINT = {
    "android": "android",
    "freebsd": "freebsd",
    "ios": "ios",
    "linux": "linux",
    "macos": "darwin",
    "netbsd": "netbsd",
    "openbsd": "openbsd",
    "wasi": "wasip1",
    "windows": "windows",
}

# Constraint value in @platforms//cpu -> `architecture` of the image configuration (a Go GOARCH).
# `arm64` is an alias of `aarch64` there, so it is covered.
ARCHITECTURE_BY_CONSTRAINT = {
    "aarch64": "arm64",
    "armv7": "arm",
    "mips64": "mips64",
    "ppc64le": "ppc64le",
    "riscv64": "riscv64",
    "s390x": "s390x",
    "wasm32": "wasm",
    "x86_32": "386",
    "x86_64": "amd64",
}

# Architecture -> variants with a constraint value in //img/constraints/<architecture>, oldest first.
VARIANTS = {
    "amd64": ["v1", "v2", "v3", "v4"],
    "arm": ["v5", "v6", "v7", "v8"],
    "arm64": ["v8"] + ["v8.{}".format(minor) for minor in range(1, 10)] +
             ["v9"] + ["v9.{}".format(minor) for minor in range(1, 8)],
    "ppc64le": ["power8", "power9", "power10"],
    "riscv64": ["rva20u64", "rva22u64", "rva23u64"],
}

# Architectures whose variant constraint becomes the `variant` of the image. The variants of the
# others exist for select() alone.
ARCHITECTURES_WITH_VARIANT = ["amd64", "arm", "arm64"]

# The pairs a program can be compiled for, each a config_setting in //img/constraints.
OS_ARCHITECTURE_PAIRS = {
    "android": ["386", "amd64", "arm", "arm64"],
    "darwin": ["amd64", "arm64"],
    "freebsd": ["386", "amd64", "arm", "arm64", "riscv64"],
    "ios": ["amd64", "arm64"],
    "linux": ["386", "amd64", "arm", "arm64", "mips64", "ppc64le", "riscv64", "s390x"],
    "netbsd": ["386", "amd64", "arm", "arm64"],
    "openbsd": ["386", "amd64", "arm", "arm64", "mips64", "riscv64"],
    "wasip1": ["wasm"],
    "windows": ["386", "amd64", "arm", "arm64"],
}

def normalize_variant(architecture, variant):
    """Returns the variant as images spell it: arm64 without one is v8.

    Args:
        architecture: str, a Go GOARCH.
        variant: str, possibly empty.

    Returns:
        str.
    """
    return "v8" if architecture == "arm64" and not variant else variant

def format_platform(platform):
    """Returns a platform as `os/architecture` or `os/architecture/variant`.

    Args:
        platform: struct (or ImageManifestInfo) with os, architecture and variant.

    Returns:
        str.
    """
    parts = [platform.os, platform.architecture, platform.variant]
    return "/".join([part for part in parts if part])

def platforms_equal(left, right):
    """Tells whether two platforms are the same once their variants are normalized.

    Args:
        left: struct with os, architecture and variant.
        right: struct with os, architecture and variant.

    Returns:
        bool.
    """
    return _key(left) == _key(right)

def _key(platform):
    variant = normalize_variant(platform.architecture, platform.variant)
    return (platform.os, platform.architecture, variant)

def compatible_variants(architecture, variant):
    """Returns the variants whose programs run on a variant, best first.

    Args:
        architecture: str, a Go GOARCH.
        variant: str, possibly empty.

    Returns:
        list of str. An empty string stands for an image that names no variant.
    """
    variant = normalize_variant(architecture, variant)
    if architecture == "arm64":
        return _compatible_arm64_variants(variant)
    if architecture not in ["amd64", "arm"] or variant not in VARIANTS[architecture]:
        return [variant]
    known = VARIANTS[architecture]
    older = reversed(known[:known.index(variant) + 1])
    return older + [""] if architecture == "amd64" else older

def _compatible_arm64_variants(variant):
    known = VARIANTS["arm64"]
    if variant not in known:
        return [variant]
    older = reversed(known[:known.index(variant) + 1])
    major = variant.split(".")[0]
    same_major = [candidate for candidate in older if candidate.split(".")[0] == major]
    return same_major if major == "v8" else same_major + ["v8"]

def has_unnamed_variant(image, platform):
    """Tells whether an image is for a variant, and a platform of its architecture names none.

    Such an image runs on some machines of the platform only. An arm64 platform always has a variant.

    Args:
        image: struct (or ImageManifestInfo) with os, architecture and variant.
        platform: struct with os, architecture and variant.

    Returns:
        bool.
    """
    if (image.os, image.architecture) != (platform.os, platform.architecture):
        return False
    return bool(image.variant) and not normalize_variant(platform.architecture, platform.variant)

def select_by_platform(manifests, platform):
    """Returns the manifest that fits a platform best.

    The operating system and architecture have to be the same, the variant may be an older one.

    Args:
        manifests: list of structs (or ImageManifestInfo) with os, architecture and variant.
        platform: struct with os, architecture and variant.

    Returns:
        An element of manifests, or None when none of them fits.
    """
    for variant in compatible_variants(platform.architecture, platform.variant):
        wanted = struct(os = platform.os, architecture = platform.architecture, variant = variant)
        for manifest in manifests:
            if platforms_equal(manifest, wanted):
                return manifest
    return None
