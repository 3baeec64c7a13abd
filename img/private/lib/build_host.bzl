"""The machines that the `img` tool can be built on."""

# Starts of repository_ctx.os.name.
_SYSTEMS = ["linux"]

def can_build_tool(os_name):
    """Tells whether the `img` tool can be built on an operating system.

    Args:
        os_name: str, repository_ctx.os.name.

    Returns:
        bool.
    """
    return bool([system for system in _SYSTEMS if os_name.startswith(system)])
