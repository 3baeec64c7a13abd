"""Repository rule with the `img` tool for the machine that Bazel runs on.

The tool is either a binary that is there already, or built from the sources of this module with the
machine's cargo, and built again when they change. Only Linux machines can build it yet.
"""

load("//img/private/lib:build_host.bzl", "can_build_tool")
load("//img/private/lib:fail_attr.bzl", "fail_attr")

_TOOL_VARIABLE = "RULES_IMG_TOOL"
_TARGET_DIR_VARIABLE = "RULES_IMG_CARGO_TARGET_DIR"

# Named like this on every platform, as Windows asks for it.
_EXECUTABLE = "img.exe"

_BUILD = '''"""The `img` tool."""

load("{image_toolchain}", "image_toolchain")

image_toolchain(
    name = "img",
    tool_exe = "{executable}",
    visibility = ["//visibility:public"],
)
'''

# What a build of the tool reads, relative to the root of the module. Not all of it has to exist.
_WATCHED_FILES = [
    "Cargo.toml",
    "Cargo.lock",
    "rust-toolchain",
    "rust-toolchain.toml",
    ".cargo/config.toml",
]
_WATCHED_TREE = "crates"

# A clean build takes minutes on a small machine; this only ends one that hangs.
_BUILD_TIMEOUT_SECONDS = 3600

def _img_tool_repository_impl(repository_ctx):
    path = repository_ctx.getenv(_TOOL_VARIABLE)
    if path:
        _add_host_tool(repository_ctx, path, subject = "environment", attribute = _TOOL_VARIABLE)
    elif repository_ctx.attr.host_tool:
        _add_host_tool(
            repository_ctx,
            repository_ctx.attr.host_tool,
            subject = "img_tool.host_tool",
            attribute = "binary",
        )
    else:
        _build_tool(repository_ctx)
    repository_ctx.file("BUILD.bazel", _BUILD.format(
        executable = _EXECUTABLE,
        image_toolchain = Label("//img/private/toolchain:image_toolchain.bzl"),
    ))

def _add_host_tool(repository_ctx, path, *, subject, attribute):
    if not _is_absolute(repository_ctx, path):
        _fail_host_tool(subject, attribute, path + ", which is relative")
    file = repository_ctx.path(path)
    if not file.exists or file.is_dir:
        _fail_host_tool(subject, attribute, path + ", which is {}".format(
            "a directory" if file.exists else "not there",
        ))
    repository_ctx.watch(file)
    _add_executable(repository_ctx, file)

def _is_absolute(repository_ctx, path):
    return path.startswith("/") or (_is_windows(repository_ctx) and path[1:2] == ":")

def _is_windows(repository_ctx):
    return repository_ctx.os.name.startswith("windows")

def _fail_host_tool(subject, attribute, found):
    fail_attr(
        subject,
        attribute,
        expected = "absolute path of the `img` executable",
        found = found,
        remedy = "build it with `cargo build --release -p img`, or drop the path to have it built here",
    )

def _add_executable(repository_ctx, file):
    """Puts an executable into the repository.

    It is copied: a symlink that leads out of the repository may lead nowhere in a sandbox.
    """
    if _is_windows(repository_ctx):
        repository_ctx.symlink(file, _EXECUTABLE)
        return
    result = repository_ctx.execute(["cp", "-f", str(file), _EXECUTABLE])
    if result.return_code:
        fail_attr(
            "rules_img",
            "img_tool",
            expected = "{} to be copied into {}".format(file, repository_ctx.path(".")),
            found = result.stderr.strip(),
            remedy = "make the file readable, or make room for it",
        )

def _build_tool(repository_ctx):
    if not can_build_tool(repository_ctx.os.name):
        _fail_system(repository_ctx.os.name)

    # By the label, the root is found wherever the module is.
    root = repository_ctx.path(Label("//:Cargo.toml")).dirname
    _watch_sources(repository_ctx, root)
    cargo = _find_cargo(repository_ctx)
    target_dir = _target_dir(repository_ctx)
    repository_ctx.report_progress("building img with cargo, which takes minutes the first time")
    result = repository_ctx.execute(
        [
            cargo,
            "build",
            "--release",
            "--locked",
            "-p",
            "img",
            "--target-dir",
            target_dir,
        ],
        timeout = _BUILD_TIMEOUT_SECONDS,
        working_directory = str(root),
    )
    if result.return_code:
        _fail_build(cargo, root, result)
    _add_executable(repository_ctx, target_dir.get_child("release", "img"))
    if target_dir == _own_target_dir(repository_ctx):
        # Some hundred megabytes that the next build, which starts from nothing, could not use.
        repository_ctx.delete(target_dir)

def _watch_sources(repository_ctx, root):
    for name in _WATCHED_FILES:
        repository_ctx.watch(root.get_child(*name.split("/")))
    repository_ctx.watch_tree(root.get_child(_WATCHED_TREE))

def _own_target_dir(repository_ctx):
    return repository_ctx.path("target")

def _target_dir(repository_ctx):
    given = repository_ctx.getenv(_TARGET_DIR_VARIABLE)
    return repository_ctx.path(given) if given else _own_target_dir(repository_ctx)

def _find_cargo(repository_ctx):
    """Returns the path of cargo: on PATH, or where rustup puts it."""
    cargo = repository_ctx.which("cargo")
    if cargo:
        return cargo
    for home in _cargo_homes(repository_ctx):
        cargo = repository_ctx.path(home).get_child("bin", "cargo")
        if cargo.exists:
            return cargo
    return _fail_cargo()

def _cargo_homes(repository_ctx):
    home = repository_ctx.getenv("HOME")
    homes = [repository_ctx.getenv("CARGO_HOME"), home + "/.cargo" if home else None]
    return [home for home in homes if home]

def _fail_system(os_name):
    fail_attr(
        "rules_img",
        "img_tool",
        expected = "a Linux machine: the `img` tool cannot be built on others yet",
        found = os_name,
        remedy = "run Bazel on Linux, or give the path of an `img` binary for this machine with " +
                 "--repo_env={}=/path/to/img".format(_TOOL_VARIABLE),
    )

def _fail_cargo():
    fail_attr(
        "rules_img",
        "img_tool",
        expected = "cargo on PATH, to build the `img` tool from source",
        found = "no cargo on PATH, in $CARGO_HOME/bin or in $HOME/.cargo/bin",
        remedy = "install Rust (https://rustup.rs), or give the path of an `img` binary with " +
                 "--repo_env={}=/path/to/img or the tag img_tool.host_tool".format(_TOOL_VARIABLE),
    )

def _fail_build(cargo, root, result):
    fail_attr(
        "rules_img",
        "img_tool",
        expected = "`cargo build --release --locked -p img` to succeed in {}".format(root),
        found = "exit code {} of {}\n{}".format(result.return_code, cargo, result.stderr),
        remedy = "see above; a binary built elsewhere can be given with " +
                 "--repo_env={}=/path/to/img".format(_TOOL_VARIABLE),
    )

img_tool_repository = repository_rule(
    implementation = _img_tool_repository_impl,
    doc = "Provides the `img` tool for the machine that Bazel runs on.",
    attrs = {
        "host_tool": attr.string(
            doc = "Absolute path of a binary. Empty by default: the tool is built from source.",
        ),
    },
)
