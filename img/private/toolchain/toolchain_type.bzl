"""The toolchain type of the `img` tool."""

TOOLCHAIN_TYPE = str(Label("//img:toolchain_type"))
