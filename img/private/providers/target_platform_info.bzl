"""Provider of the target platform."""

TargetPlatformInfo = provider(
    doc = "The target platform, in the words of an image configuration.",
    fields = {
        "label": "Label: the platform.",
        "os": "str: operating system, a Go GOOS, or empty if the platform has no constraint value that stands for one.",
        "cpu": "str: architecture, a Go GOARCH, or empty if the platform has no constraint value that stands for one.",
        "variant": "str: variant of the architecture, or empty. That of arm64 is never empty.",
    },
)
