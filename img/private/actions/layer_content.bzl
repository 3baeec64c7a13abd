"""Turns the files of targets into the command line of `img layer`.

Depsets are not flattened: what has to be known of each file is worked out by the `map_each`
functions, when an action runs.
"""

load(
    "//img/private/lib:image_paths.bzl",
    "as_format",
    "directory_prefix",
    "file_kind",
    "group_by_key",
)
load("//img/private/lib:runfiles.bzl", "rlocation_path")

_FIELD_END = "\0"

def layer_source(target, *, include_runfiles):
    """Returns what a target puts into a layer: its executable with runfiles, or its files.

    Args:
        target: Target.
        include_runfiles: bool, whether executables bring their runfiles.

    Returns:
        struct of executable (File or None), runfiles and repo_mapping (File or None) that belong to
        it, and files (depset of File, empty if there is an executable).
    """
    info = target[DefaultInfo]
    executable = info.files_to_run.executable
    if include_runfiles and executable and not executable.is_source:
        return struct(
            executable = executable,
            files = depset(),
            repo_mapping = info.files_to_run.repo_mapping_manifest,
            runfiles = info.default_runfiles,
        )
    return struct(executable = None, files = info.files, repo_mapping = None, runfiles = None)

def layer_content_args(ctx, sources):
    """Returns the part of the command line that names the files of a layer.

    Args:
        ctx: rule context.
        sources: dict from path in the image to struct from `layer_source`.

    Returns:
        struct of arguments (list of Args) and inputs (depset of File).
    """
    content = struct(
        # Plain files, among them the repository mappings of executables.
        files = ctx.actions.args(),
        # Executables, each with its runfiles after it.
        executables = ctx.actions.args(),
        # What has been added to which of the two.
        used = {"executables": False, "files": False},
        inputs = [],
        transitive_inputs = [],
        empty_files = [],
    )
    for place, group in group_by_key(sources).items():
        prefix = directory_prefix(place, _count(group))
        for source in group:
            if source.executable:
                _add_executable(ctx, content, place, prefix, source)
            else:
                _add_files(content, place, prefix, source.files)
    return struct(
        arguments = [getattr(content, name) for name in ["files", "executables"] if content.used[name]],
        inputs = depset(content.inputs, transitive = content.transitive_inputs),
    )

def _count(sources):
    """Returns how many files and executables go to one place.

    The shape of a layer depends on this number, so these depsets have to be looked at.
    """
    count = 0
    for source in sources:
        count += 1 if source.executable else len(source.files.to_list())
    return count

def _add_files(content, place, prefix, files):
    content.used["files"] = True
    content.transitive_inputs.append(files)
    if prefix == None:
        _add_lines(content.files, files, _file_line, place + _FIELD_END)
    else:
        _add_lines(content.files, files, _file_below_line, prefix)

def _add_executable(ctx, content, place, prefix, source):
    executable = source.executable
    path = place if prefix == None else prefix + executable.basename
    content.used["executables"] = True
    content.inputs.append(executable)
    _add_lines(content.executables, [executable], _file_line, path + _FIELD_END)
    _add_runfiles(ctx, content, path + ".runfiles/", source.runfiles)
    if source.repo_mapping:
        content.used["files"] = True
        content.inputs.append(source.repo_mapping)
        for copy in [path + ".repo_mapping", path + ".runfiles/_repo_mapping"]:
            _add_lines(content.files, [source.repo_mapping], _file_line, copy + _FIELD_END)

def _add_runfiles(ctx, content, prefix, runfiles):
    if not runfiles:
        return
    args = content.executables
    _add_lines(args, runfiles.files, _runfile_line, prefix)
    _add_lines(args, runfiles.symlinks, _runfiles_symlink_line, prefix)
    _add_lines(args, runfiles.root_symlinks, _root_symlink_line, prefix)
    content.transitive_inputs.append(runfiles.files)
    if runfiles.symlinks or runfiles.root_symlinks:
        # The map only visits symlinks, of which there are few.
        content.inputs.extend([
            entry.target_file
            for entry in depset(transitive = [runfiles.symlinks, runfiles.root_symlinks]).to_list()
        ])
    if runfiles.empty_filenames:
        _add_empty_runfiles(ctx, content, prefix, runfiles.empty_filenames)

def _add_empty_runfiles(ctx, content, prefix, empty_filenames):
    """Adds the files that Bazel makes up, such as a missing `__init__.py`."""
    if not content.empty_files:
        empty_file = ctx.actions.declare_file(ctx.label.name + "_empty_runfile")
        ctx.actions.write(empty_file, "")
        content.empty_files.append(empty_file)
        content.inputs.append(empty_file)

    def empty_runfile_lines(file):
        return [
            rlocation_path(name) + _FIELD_END + _source(file)
            for name in empty_filenames.to_list()
        ]

    _add_lines(content.executables, content.empty_files, empty_runfile_lines, prefix, allow_closure = True)

def _add_lines(args, files, map_each, prefix, allow_closure = False):
    args.add_all(
        files,
        allow_closure = allow_closure,
        expand_directories = False,
        format_each = "--add-line=" + as_format(prefix) + "%s",
        map_each = map_each,
        uniquify = True,
    )

# What comes after the prefix on a line. The path of a file may be read in these functions only:
# Bazel may change it until then.

def _source(file):
    return file_kind(file) + file.path

def _file_line(file):
    return _source(file)

def _file_below_line(file):
    return file.basename + _FIELD_END + _source(file)

def _runfile_line(file):
    return rlocation_path(file.short_path) + _FIELD_END + _source(file)

def _runfiles_symlink_line(entry):
    return rlocation_path(entry.path) + _FIELD_END + _source(entry.target_file)

def _root_symlink_line(entry):
    return entry.path + _FIELD_END + _source(entry.target_file)
