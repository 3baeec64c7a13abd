"""A directory output, as code generators make them."""

def _tree_impl(ctx):
    tree = ctx.actions.declare_directory(ctx.label.name)
    ctx.actions.run_shell(
        outputs = [tree],
        command = """
            mkdir -p "$1/deeper"
            echo one > "$1/1.txt"
            echo two > "$1/deeper/2.txt"
        """,
        arguments = [ctx.actions.args().add_all([tree], expand_directories = False)],
        mnemonic = "HelloTree",
    )
    return [DefaultInfo(files = depset([tree]))]

tree = rule(
    implementation = _tree_impl,
    doc = "Writes a directory with two files.",
)
