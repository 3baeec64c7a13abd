//! The page of build settings, read from the BUILD file that declares them.
//!
//! Bazel itself knows no comments, so the file is read as buildifier formats it.

use std::fmt::Write as _;
use std::path::Path;

use super::{DocsError, cell, read};

const FILE: &str = "img/settings/BUILD.bazel";

const INTRODUCTION: &str = "\
# Settings

Each is the label of a build setting, to be set on the command line or in a `.bazelrc`:

```
build --@rules_img//img/settings:compress=zstd
```

A setting is what `auto` stands for in the attribute of the same purpose; one that no attribute has holds
for all targets.

| setting | default | values | meaning |
| --- | --- | --- | --- |
";

/// Returns the page.
pub(crate) fn page(root: &Path) -> Result<String, DocsError> {
    let mut text = INTRODUCTION.to_owned();
    for setting in parse(&read(&root.join(FILE))?)? {
        let values = match setting.values.as_slice() {
            [] => "see meaning".to_owned(),
            values => format!("`{}`", values.join("`, `")),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| `{}` | `{}` | {values} | {} |",
            setting.name,
            setting.default,
            cell(&setting.doc)
        );
    }
    Ok(text)
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Setting {
    name: String,
    default: String,
    /// Empty where the rule does not list them.
    values: Vec<String>,
    doc: String,
}

/// Returns the calls of rules with a `build_setting_default`; each needs a comment before it.
fn parse(text: &str) -> Result<Vec<Setting>, DocsError> {
    let mut settings = Vec::new();
    let mut setting = Setting::default();
    for line in text.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            setting.doc.push_str(comment);
            setting.doc.push('\n');
        } else if let Some((key, value)) = line.trim().split_once(" = ") {
            let value = value.trim_end_matches(',').trim_matches('"').to_owned();
            match key {
                "name" => setting.name = value,
                "build_setting_default" => setting.default = value,
                _ => {}
            }
        } else if let Some(value) = line.strip_prefix("        \"") {
            setting
                .values
                .push(value.trim_end_matches(',').trim_end_matches('"').to_owned());
        } else if line == ")" {
            let setting = std::mem::take(&mut setting);
            if setting.doc.is_empty() {
                let place = format!("{FILE}: {}", setting.name);
                return Err(DocsError::format(place, "a comment before it"));
            }
            settings.push(setting);
        } else if line.is_empty() {
            setting = Setting::default();
        }
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_have_the_comment_before_them() {
        let text = "\"\"\"Header.\"\"\"\n\npackage(x = 1)\n\n# One\n# two.\nstring_flag(\n    name = \"a\",\n    build_setting_default = \"b\",\n    values = [\n        \"b\",\n        \"c\",\n    ],\n)\n";
        let expected = Setting {
            name: "a".to_owned(),
            default: "b".to_owned(),
            values: vec!["b".to_owned(), "c".to_owned()],
            doc: "One\ntwo.\n".to_owned(),
        };
        assert_eq!(parse(text).unwrap(), [expected]);
        let undocumented = "string_flag(\n    name = \"a\",\n)\n";
        assert!(parse(undocumented).is_err());
    }
}
