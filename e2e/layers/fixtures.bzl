"""Targets of every kind that a layer can be made of."""

def _program_impl(ctx):
    executable = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(executable, "#!/bin/sh\necho program\n", is_executable = True)
    other = ctx.actions.declare_file(ctx.label.name + ".other")
    ctx.actions.write(other, "other\n")
    return [DefaultInfo(
        executable = executable,
        files = depset([executable, other]),
        runfiles = ctx.runfiles(
            files = [executable] + ctx.files.data,
            symlinks = {"links/to_one": ctx.file.target},
            root_symlinks = {"root/to_one": ctx.file.target},
        ),
    )]

program = rule(
    implementation = _program_impl,
    doc = "An executable with runfiles of every kind, and another default output that a layer leaves out.",
    attrs = {
        "data": attr.label_list(allow_files = True),
        "target": attr.label(allow_single_file = True),
    },
    executable = True,
)

def _tree_impl(ctx):
    tree = ctx.actions.declare_directory(ctx.label.name)
    ctx.actions.run_shell(
        outputs = [tree],
        command = """
            mkdir -p "$1/b/c" "$1/empty"
            echo one > "$1/b/one"
            echo two > "$1/b/c/two"
            echo one > "$1/a"
            ln -s a "$1/link"
        """,
        arguments = [ctx.actions.args().add_all([tree], expand_directories = False)],
        mnemonic = "Tree",
    )
    return [DefaultInfo(files = depset([tree]), runfiles = ctx.runfiles(files = [tree]))]

tree = rule(
    implementation = _tree_impl,
    doc = "A directory with files, copies, a symlink and an empty directory.",
)

def _odd_tar_impl(ctx):
    output = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.run_shell(
        outputs = [output],
        command = """
            set -e
            d="$(mktemp -d)"
            mkdir -p "$d/app/sub"
            echo one > "$d/app/one"; echo one > "$d/app/copy"; echo old > "$d/app/two"
            ln "$d/app/one" "$d/app/hard"; ln -s one "$d/app/soft"; mkfifo "$d/app/pipe"
            chmod 700 "$d/app"; chmod 600 "$d/app/copy"; chmod 755 "$d/app/sub"; chmod 644 "$d/app/one" "$d/app/two"
            tar=(tar --format=pax --sort=name --mtime=@1234567890.5 --owner=app:1000 --group=app:1000
                 --pax-option=delete=atime,delete=ctime,exthdr.name=x)
            "${tar[@]}" -C "$d" -cf "$d.tar" ./app
            echo new > "$d/app/two"; chmod 640 "$d/app/two"
            "${tar[@]}" -C "$d" -rf "$d.tar" ./app/two
            case "$1" in
                *gz) gzip -n < "$d.tar" > "$1" ;;
                *) cp "$d.tar" "$1" ;;
            esac
        """,
        arguments = [ctx.actions.args().add(output)],
        mnemonic = "OddTar",
    )
    return [DefaultInfo(files = depset([output]))]

odd_tar = rule(
    implementation = _odd_tar_impl,
    doc = "A tar, compressed as its name says, with links, a pipe, a copy, and a path that comes twice.",
)
