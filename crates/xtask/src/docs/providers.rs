//! The page of providers.

use std::fmt::Write as _;

use super::cell;
use super::module_info::Module;

const INTRODUCTION: &str = "\
# Providers

What targets hand to each other, for rules that make or take layers and images:

";

/// Returns the page.
pub(crate) fn page(modules: &[Module]) -> String {
    let mut text = INTRODUCTION.to_owned();
    for module in modules.iter().filter(|module| !module.providers.is_empty()) {
        let names: Vec<_> = module
            .providers
            .iter()
            .map(|provider| format!("\"{}\"", provider.name))
            .collect();
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "```starlark\nload(\"@rules_img//img:{}\", {})\n```\n",
            module.file,
            names.join(", ")
        );
        for provider in &module.providers {
            let _ = writeln!(text, "## {}\n\n{}\n", provider.name, provider.doc);
            text.push_str("| field | type | meaning |\n| --- | --- | --- |\n");
            for field in &provider.fields {
                let (kind, doc) = (cell(&field.kind), cell(&field.doc));
                let _ = writeln!(text, "| `{}` | {kind} | {doc} |", field.name);
            }
            text.push('\n');
        }
    }
    text
}
