"""Takes the static busybox of this machine, the only program in the image that is not from this workspace."""

_NOT_FOUND = """no static busybox at {path}: install Debian's busybox-static, or name one by --repo_env=HELLO_BUSYBOX=/path"""

def _busybox_impl(rctx):
    path = rctx.path(rctx.getenv("HELLO_BUSYBOX", "/bin/busybox"))
    if not path.exists:
        fail(_NOT_FOUND.format(path = path))

    # A symlink out of the repository may lead nowhere in a sandbox.
    copied = rctx.execute(["cp", "-f", str(path), "busybox"])
    if copied.return_code:
        fail("cannot copy {}: {}".format(path, copied.stderr))
    rctx.file("BUILD.bazel", """exports_files(["busybox"])\n""")

busybox = repository_rule(
    implementation = _busybox_impl,
    doc = "Repository with the static `busybox` of this machine.",
    local = True,
)
