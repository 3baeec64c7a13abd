"""Provider of the `img` tool."""

ImageToolchainInfo = provider(
    doc = "The `img` tool for one execution platform.",
    fields = {
        "tool_exe": "File: the executable.",
        "files_to_run": "FilesToRunProvider: the executable with its runfiles, as actions take it.",
    },
)
