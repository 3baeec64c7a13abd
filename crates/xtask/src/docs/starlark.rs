//! The public .bzl files, with the documentation that Bazel extracts from them.

use std::path::Path;

use super::module_info::Module;
use super::{DocsError, DocsOptions, file_names, output_of, read, text_format};

/// The package whose targets extract the documentation, one for each public file.
const PACKAGE: &str = "docs/reference";

/// Returns all files of //img, sorted by name.
pub(crate) fn public_modules(root: &Path, options: &DocsOptions) -> Result<Vec<Module>, DocsError> {
    let files = file_names(&root.join("img"), ".bzl")?;
    let stems: Vec<&str> = files
        .iter()
        .filter_map(|file| file.strip_suffix(".bzl"))
        .collect();
    let outputs = extract(root, options, &stems)?;
    let parsed = stems.iter().map(|stem| {
        let path = Path::new(outputs.trim_end()).join(PACKAGE);
        let extracted = read(&path.join(format!("{stem}.textproto")))?;
        let source = read(&root.join("img").join(format!("{stem}.bzl")))?;
        let info = text_format::parse(&format!("documentation of {stem}.bzl"), &extracted)?;
        Module::new(&format!("{stem}.bzl"), &info, &source)
    });
    parsed.collect()
}

/// Builds the targets, and returns the directory below which their outputs are.
fn extract(root: &Path, options: &DocsOptions, stems: &[&str]) -> Result<String, DocsError> {
    let startup = options
        .output_user_root
        .iter()
        .map(|directory| format!("--output_user_root={directory}"));
    let startup: Vec<String> = startup.collect();
    let targets = stems
        .iter()
        .map(|stem| format!("//{PACKAGE}:{stem}.textproto"));
    let build = [
        "build",
        "--noshow_progress",
        "--experimental_convenience_symlinks=ignore",
    ];
    let build = startup
        .iter()
        .cloned()
        .chain(build.map(str::to_owned))
        .chain(targets);
    output_of(root, &options.bazel, &build.collect::<Vec<_>>())?;
    let info = startup
        .iter()
        .cloned()
        .chain(["info".to_owned(), "bazel-bin".to_owned()]);
    output_of(root, &options.bazel, &info.collect::<Vec<_>>())
}
