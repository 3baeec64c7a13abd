"""Analysis tests of the toolchain, the constraints and the images that come with the module."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("@bazel_skylib//rules:write_file.bzl", "write_file")
load("//img:image_toolchain.bzl", "TOOLCHAIN_TYPE", "image_toolchain")

def _toolchain_test_impl(ctx):
    env = analysistest.begin(ctx)
    info = analysistest.target_under_test(env)[platform_common.ToolchainInfo].imgtoolchaininfo
    asserts.equals(env, ctx.attr.basename, info.tool_exe.basename)
    asserts.equals(env, info.tool_exe, info.files_to_run.executable)
    asserts.equals(env, str(Label("//img:toolchain_type")), TOOLCHAIN_TYPE)
    return analysistest.end(env)

_toolchain_test = analysistest.make(
    _toolchain_test_impl,
    attrs = {"basename": attr.string(doc = "Base name of the tool.")},
)

# buildifier: disable=unnamed-macro
def toolchain_tests():
    """Declares the tests and what they look at."""
    write_file(name = "fake_img", out = "img-fake", is_executable = True, tags = ["manual"])
    image_toolchain(name = "toolchain_of_a_target", tags = ["manual"], tool_exe = ":fake_img")
    image_toolchain(name = "toolchain_of_a_file", tags = ["manual"], tool_exe = "img-source")
    for name, target, basename in [
        ("toolchain_has_its_tool", "toolchain_of_a_target", "img-fake"),
        ("toolchain_tool_may_be_a_source_file", "toolchain_of_a_file", "img-source"),
    ]:
        _toolchain_test(name = name, size = "small", basename = basename, target_under_test = ":" + target)
    _toolchain_test(
        name = "resolved_toolchain_has_the_tool",
        size = "small",
        basename = "img.exe",
        target_under_test = "//img:resolved_toolchain",
    )
