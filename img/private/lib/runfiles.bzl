"""Where files are below a runfiles directory."""

# Runfiles of the main repository are below this directory, whatever its name. So it is with bzlmod.
MAIN_REPOSITORY = "_main"

def rlocation_path(short_path, main_repository = MAIN_REPOSITORY):
    """Returns the path of a file below a runfiles directory.

    Args:
        short_path: str, a File's short_path, or a path that is relative to the main
            repository's runfiles.
        main_repository: str, the directory of the main repository; ctx.workspace_name for runfiles
            that Bazel lays out.

    Returns:
        str.
    """
    if short_path.startswith("../"):
        return short_path.removeprefix("../")
    return main_repository + "/" + short_path
