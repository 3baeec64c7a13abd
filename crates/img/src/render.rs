//! What is in an image, as text for people.

use std::fmt::Write as _;

use img_inspect::{FileEntry, FileKind, FileTree, ImageReport, LayerReport, ManifestReport};
use img_oci::RuntimeConfig;
use indicatif::HumanBytes;

use crate::printable::printable;

/// Returns the report of the image that was called `name`.
pub(crate) fn image(name: &str, report: &ImageReport) -> String {
    let mut text = String::new();
    let kind = if report.media_type.is_index() {
        "index"
    } else {
        "manifest"
    };
    line(&mut text, &printable(name));
    line(
        &mut text,
        &format!("{kind} {} ({})", report.digest, bytes(report.size)),
    );
    annotations(&mut text, &report.annotations);
    for part in &report.manifests {
        text.push('\n');
        manifest(&mut text, part);
    }
    text
}

fn manifest(text: &mut String, manifest: &ManifestReport) {
    let platform = manifest
        .platform
        .as_ref()
        .map_or("no platform".to_owned(), ToString::to_string);
    line(text, &printable(&platform));
    line(
        text,
        &format!("  manifest {} ({})", manifest.digest, bytes(manifest.size)),
    );
    let config = &manifest.config;
    line(
        text,
        &format!("  config   {} ({})", config.digest, bytes(config.size)),
    );
    if let Some(config) = &manifest.runtime {
        runtime(text, config);
    }
    layers(text, &manifest.layers);
    if let Some(files) = &manifest.files {
        line(text, "  files");
        tree(text, files);
    }
}

fn annotations(text: &mut String, annotations: &std::collections::BTreeMap<String, String>) {
    for (key, value) in annotations {
        line(text, &format!("  {}={}", printable(key), printable(value)));
    }
}

fn runtime(text: &mut String, config: &RuntimeConfig) {
    let list = |list: &Option<Vec<String>>| list.clone().unwrap_or_default().join(" ");
    let fields = [
        ("entrypoint", list(&config.entrypoint)),
        ("cmd", list(&config.cmd)),
        ("user", config.user.clone()),
        ("workdir", config.working_dir.clone()),
        ("env", config.env.join(" ")),
    ];
    for (name, value) in fields.into_iter().filter(|(_, value)| !value.is_empty()) {
        line(text, &format!("    {name:<10} {}", printable(&value)));
    }
}

fn layers(text: &mut String, layers: &[LayerReport]) {
    if layers.is_empty() {
        line(text, "  no layers");
        return;
    }
    line(
        text,
        &format!(
            "  {:<5} {:<71} {:>10} {:>10} {:>7}  media type",
            "layer", "digest", "size", "content", "entries"
        ),
    );
    for (number, layer) in layers.iter().enumerate() {
        let content = layer.content_size.map_or("-".to_owned(), bytes);
        let entries = layer
            .entries
            .map_or("-".to_owned(), |entries| entries.to_string());
        let row = format!(
            "  {number:<5} {:<71} {:>10} {content:>10} {entries:>7}  {}",
            layer.digest.to_string(),
            bytes(layer.size),
            printable(layer.media_type.as_str()),
        );
        line(text, &row);
    }
}

/// Files below their directories; a directory without an entry is shown as well.
fn tree(text: &mut String, files: &FileTree) {
    let mut shown: Vec<&[u8]> = Vec::new();
    for (path, entry) in sorted(files) {
        let components: Vec<&[u8]> = path.split(|b| *b == b'/').collect();
        let (name, folders) = components.split_last().unwrap_or((&path, &[]));
        let same = shown
            .iter()
            .zip(folders)
            .take_while(|(a, b)| a == b)
            .count();
        shown.truncate(same);
        for folder in &folders[same..] {
            file(text, shown.len(), folder, None);
            shown.push(folder);
        }
        file(text, folders.len(), name, Some(entry));
        if entry.kind == FileKind::Directory {
            shown.push(name);
        }
    }
}

/// Paths in the order of their components, so that a directory's files follow it.
fn sorted(files: &FileTree) -> Vec<(&[u8], &FileEntry)> {
    let mut files: Vec<_> = files.iter().filter(|(path, _)| !path.is_empty()).collect();
    files.sort_by(|(a, _), (b, _)| a.split(|b| *b == b'/').cmp(b.split(|b| *b == b'/')));
    files
}

fn file(text: &mut String, depth: usize, name: &[u8], entry: Option<&FileEntry>) {
    let indent = "  ".repeat(depth + 2);
    let name = printable(&String::from_utf8_lossy(name));
    let Some(entry) = entry else {
        return line(text, &format!("{indent}{name}/"));
    };
    let link = entry.link.as_deref().map(printable).unwrap_or_default();
    let shown = match entry.kind {
        FileKind::Directory => format!("{name}/"),
        FileKind::Symlink => format!("{name} -> {link}"),
        FileKind::HardLink => format!("{name} = {link}"),
        FileKind::Special => format!("{name} (device or pipe)"),
        FileKind::File => format!("{name} ({})", bytes(entry.size)),
    };
    let owner = match (entry.uid, entry.gid) {
        (0, 0) => String::new(),
        (uid, gid) => format!(" {uid}:{gid}"),
    };
    let mode = match entry.kind {
        FileKind::Symlink | FileKind::HardLink => String::new(),
        _ => format!(" {:04o}", entry.mode),
    };
    line(text, &format!("{indent}{shown}{mode}{owner}"));
}

fn bytes(size: u64) -> String {
    HumanBytes(size).to_string()
}

fn line(text: &mut String, line: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{}", line.trim_end());
}
