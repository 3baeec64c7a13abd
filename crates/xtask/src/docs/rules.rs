//! The page of rules, functions and module extensions.

use std::fmt::Write as _;

use super::indented;
use super::module_info::{Attribute, Extension, Function, Module, Rule};

const INTRODUCTION: &str = "\
# Rules

What the files of `@rules_img//img` export, file by file. Providers are on [their own page](providers.md),
and so are the [settings](settings.md) that attributes take their defaults from.

";

/// Returns the page.
pub(crate) fn page(modules: &[Module]) -> String {
    let mut text = INTRODUCTION.to_owned();
    for module in modules.iter().filter(|module| module.providers.is_empty()) {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "## `@rules_img//img:{}`\n\n{}\n",
            module.file, module.doc
        );
        for rule in &module.rules {
            add_rule(&mut text, module, rule);
        }
        for function in &module.functions {
            add_function(&mut text, module, function);
        }
        for extension in &module.extensions {
            add_extension(&mut text, extension);
        }
        if !module.constants.is_empty() {
            let _ = writeln!(text, "Constants: `{}`.\n", module.constants.join("`, `"));
        }
    }
    text
}

fn add_rule(text: &mut String, module: &Module, rule: &Rule) {
    let Rule { name, doc, .. } = rule;
    let _ = writeln!(text, "### {name}\n\n{}\n{doc}\n", load(module, name));
    if !rule.provides.is_empty() {
        let _ = writeln!(text, "Provides `{}`.\n", rule.provides.join("`, `"));
    }
    add_attributes(text, &rule.attributes);
}

fn add_attributes(text: &mut String, attributes: &[Attribute]) {
    for Attribute {
        name,
        doc,
        kind,
        default,
    } in attributes.iter().filter(|a| a.kind != "name")
    {
        let default = default
            .as_ref()
            .map_or("required".to_owned(), |value| format!("default `{value}`"));
        let doc = indented(doc);
        let _ = writeln!(text, "- **`{name}`** ({kind}, {default}): {doc}");
    }
    text.push('\n');
}

fn add_function(text: &mut String, module: &Module, function: &Function) {
    let Function {
        name, doc, returns, ..
    } = function;
    let doc = doc.trim_end();
    let _ = writeln!(text, "### {name}()\n\n{}\n{doc}\n", load(module, name));
    for parameter in &function.parameters {
        let default = parameter
            .default
            .as_ref()
            .map_or("required".to_owned(), |value| format!("default `{value}`"));
        let doc = indented(&parameter.doc);
        let _ = writeln!(text, "- **`{}`** ({default}): {doc}", parameter.name);
    }
    if !returns.is_empty() {
        let _ = writeln!(text, "\nReturns: {returns}\n");
    }
}

fn add_extension(text: &mut String, extension: &Extension) {
    let _ = writeln!(text, "### {}\n\n{}\n", extension.name, extension.doc);
    for tag in &extension.tags {
        let _ = writeln!(
            text,
            "#### {}.{}\n\n{}\n",
            extension.name, tag.name, tag.doc
        );
        add_attributes(text, &tag.attributes);
    }
}

fn load(module: &Module, name: &str) -> String {
    format!(
        "```starlark\nload(\"@rules_img//img:{}\", \"{name}\")\n```\n",
        module.file
    )
}
