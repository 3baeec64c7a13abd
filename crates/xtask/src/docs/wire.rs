//! The page of wire formats: the types of `img-wire` with their documentation, and the golden files.
//!
//! The Rust types are the definition; this reads their source, for the documentation is nowhere else.
//! A module without a golden file is an error, so each format has one.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use syn::{
    Attribute, Fields, GenericArgument, Item, ItemEnum, ItemStruct, Lit, LitStr, Meta,
    PathArguments, Token, Type,
};

use super::{DocsError, cell, file_names, read};

const SOURCES: &str = "crates/img-wire/src";
const SAMPLES: &str = "testdata/wire";

const INTRODUCTION: &str = "\
# Wire formats

The files that rules and `img` exchange. None of them is meant to be written by hand, and only the layer
metadata and the deploy manifest are promised to other tools. The examples are the golden files in
`testdata/wire`, which the tests read and write back.

";

/// Returns the page.
pub(crate) fn page(root: &Path) -> Result<String, DocsError> {
    let sources = root.join(SOURCES);
    let mut text = INTRODUCTION.to_owned();
    for file in file_names(&sources, ".rs")? {
        let module = file.trim_end_matches(".rs");
        if module == "lib" {
            continue;
        }
        let path = sources.join(&file);
        let parsed = syn::parse_file(&read(&path)?).map_err(|source| DocsError::Rust {
            path: path.clone(),
            source,
        })?;
        let doc = documentation(&parsed.attrs);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "## {}\n\n{doc}\n", title(module));
        add_samples(&mut text, root, module)?;
        for item in &parsed.items {
            match item {
                Item::Struct(item) if is_wire(&item.attrs) => add_struct(&mut text, module, item)?,
                Item::Enum(item) if is_wire(&item.attrs) => add_enum(&mut text, module, item)?,
                _ => {}
            }
        }
    }
    Ok(text)
}

/// Returns `deploy_manifest` as `Deploy manifest`.
fn title(module: &str) -> String {
    let words = module.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or(String::new(), |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

fn add_samples(text: &mut String, root: &Path, module: &str) -> Result<(), DocsError> {
    let names = file_names(&root.join(SAMPLES), "")?;
    let prefix = format!("{module}.");
    let mut found = false;
    for name in names.iter().filter(|name| name.starts_with(&prefix)) {
        found = true;
        let sample = read(&root.join(SAMPLES).join(name))?;
        let (language, shown) = if Path::new(name).extension().is_some_and(|end| end == "json") {
            ("json", with_line_breaks(&sample))
        } else {
            // A NUL cannot be seen, and is what matters in these files.
            ("text", sample.trim_end().replace('\0', "␀"))
        };
        let _ = writeln!(text, "`{SAMPLES}/{name}`:\n\n```{language}\n{shown}\n```\n");
    }
    if found {
        return Ok(());
    }
    let place = format!("{SOURCES}/{module}.rs");
    Err(DocsError::format(
        place,
        format!("a golden file {SAMPLES}/{prefix}*"),
    ))
}

fn add_struct(text: &mut String, module: &str, item: &ItemStruct) -> Result<(), DocsError> {
    let name = item.ident.to_string();
    let settings = Serde::of(&item.attrs);
    let _ = writeln!(text, "### {name}\n\n{}\n", documentation(&item.attrs));
    text.push_str("| field | type | meaning |\n| --- | --- | --- |\n");
    let Fields::Named(fields) = &item.fields else {
        return Err(DocsError::format(
            format!("{module}::{name}"),
            "named fields",
        ));
    };
    for field in &fields.named {
        let Some(ident) = &field.ident else { continue };
        let place = || format!("{module}::{name}.{ident}");
        let kind = json_type(&field.ty)
            .ok_or_else(|| DocsError::format(place(), "a type that this page can name"))?;
        let doc = documentation(&field.attrs);
        if doc.is_empty() {
            return Err(DocsError::format(place(), "a documentation"));
        }
        let serde = Serde::of(&field.attrs);
        let optional = if serde.is("default") || is_option(&field.ty) {
            "; optional"
        } else {
            ""
        };
        let key = serde.rename(&ident.to_string(), &settings);
        let _ = writeln!(text, "| `{key}` | {kind}{optional} | {} |", cell(&doc));
    }
    if settings.is("deny_unknown_fields") {
        text.push_str("\nOther fields are refused.\n");
    }
    text.push('\n');
    Ok(())
}

fn add_enum(text: &mut String, module: &str, item: &ItemEnum) -> Result<(), DocsError> {
    let name = &item.ident;
    let settings = Serde::of(&item.attrs);
    let _ = writeln!(text, "### {name}\n\n{}\n", documentation(&item.attrs));
    for variant in &item.variants {
        if !matches!(variant.fields, Fields::Unit) {
            let place = format!("{module}::{name}::{}", variant.ident);
            return Err(DocsError::format(place, "a variant without fields"));
        }
        let word = Serde::of(&variant.attrs).rename(&variant.ident.to_string(), &settings);
        let _ = writeln!(text, "- `{word}`: {}", documentation(&variant.attrs));
    }
    text.push('\n');
    Ok(())
}

/// Returns how a type appears in JSON.
fn json_type(ty: &Type) -> Option<String> {
    let (name, arguments) = named(ty)?;
    let of = |position: usize| arguments.get(position).and_then(|ty| json_type(ty));
    Some(match name.as_str() {
        "String" => "string".to_owned(),
        "bool" => "boolean".to_owned(),
        "u32" | "u64" => "integer".to_owned(),
        "Digest" => "string, a digest".to_owned(),
        "MediaType" => "string, a media type".to_owned(),
        "Option" => of(0)?,
        "Vec" => format!("list of {}", of(0)?),
        "BTreeMap" => format!("object of {}", of(1)?),
        _ => format!("[{name}](#{})", name.to_lowercase()),
    })
}

fn is_option(ty: &Type) -> bool {
    named(ty).is_some_and(|(name, _)| name == "Option")
}

/// Returns the last segment of a type's path, and its arguments.
fn named(ty: &Type) -> Option<(String, Vec<&Type>)> {
    let Type::Path(path) = ty else { return None };
    let segment = path.path.segments.last()?;
    let arguments = match &segment.arguments {
        PathArguments::AngleBracketed(arguments) => arguments
            .args
            .iter()
            .filter_map(|argument| match argument {
                GenericArgument::Type(ty) => Some(ty),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    };
    Some((segment.ident.to_string(), arguments))
}

/// Returns the text of the doc comments, with links to items as plain code.
fn documentation(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| {
        let Meta::NameValue(pair) = &attribute.meta else {
            return None;
        };
        match &pair.value {
            syn::Expr::Lit(literal) if pair.path.is_ident("doc") => match &literal.lit {
                Lit::Str(text) => Some(text.value().trim_start_matches(' ').to_owned()),
                _ => None,
            },
            _ => None,
        }
    });
    let text: Vec<String> = lines.collect();
    text.join("\n").replace("[`", "`").replace("`]", "`")
}

/// Tells whether a type is read or written by serde.
fn is_wire(attributes: &[Attribute]) -> bool {
    let derived = settings_of(attributes, "derive");
    derived.contains_key("Serialize") || derived.contains_key("Deserialize")
}

/// What `#[serde(…)]` says of a type, field or variant.
struct Serde(BTreeMap<String, String>);

impl Serde {
    fn of(attributes: &[Attribute]) -> Self {
        Self(settings_of(attributes, "serde"))
    }

    fn is(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Returns the name in JSON of what is called `name` in a type with these settings.
    fn rename(&self, name: &str, container: &Serde) -> String {
        if let Some(renamed) = self.0.get("rename") {
            return renamed.clone();
        }
        match container.0.get("rename_all").map(String::as_str) {
            Some("camelCase") => camel_case(name),
            Some("snake_case") => snake_case(name),
            _ => name.to_owned(),
        }
    }
}

/// Returns the settings in attributes `#[name(key, key = "value")]`.
fn settings_of(attributes: &[Attribute], name: &str) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::new();
    for attribute in attributes.iter().filter(|a| a.path().is_ident(name)) {
        // What cannot be parsed this way has no setting that this page knows.
        let _ = attribute.parse_nested_meta(|meta| {
            let key = meta.path.segments.last().map(|part| part.ident.to_string());
            let value = if meta.input.peek(Token![=]) {
                meta.value()?.parse::<LitStr>()?.value()
            } else {
                String::new()
            };
            settings.insert(key.unwrap_or_default(), value);
            Ok(())
        });
    }
    settings
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |text, word| text + &title(word))
}

fn snake_case(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.extend(letter.to_lowercase());
    }
    text
}

/// Returns compact JSON on lines of its own; what has line breaks already stays as it is.
fn with_line_breaks(json: &str) -> String {
    let json = json.trim_end();
    if json.contains('\n') {
        return json.to_owned();
    }
    let mut text = String::new();
    let mut depth = 0;
    let mut in_string = false;
    let mut before = ' ';
    for letter in json.chars() {
        if in_string {
            in_string = letter != '"' || before == '\\';
            text.push(letter);
            before = if before == '\\' { ' ' } else { letter };
            continue;
        }
        match letter {
            ']' | '}' => {
                depth -= 1;
                if !matches!(before, '[' | '{') {
                    break_line(&mut text, depth);
                }
            }
            _ if matches!(before, '[' | '{') => break_line(&mut text, depth),
            _ => {}
        }
        text.push(letter);
        match letter {
            '[' | '{' => depth += 1,
            ',' => break_line(&mut text, depth),
            ':' => text.push(' '),
            _ => in_string = letter == '"',
        }
        before = letter;
    }
    text
}

fn break_line(text: &mut String, depth: usize) {
    text.push('\n');
    text.push_str(&"  ".repeat(depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_serde() {
        assert_eq!(camel_case("media_type"), "mediaType");
        assert_eq!(snake_case("CasRegistry"), "cas_registry");
        assert_eq!(title("deploy_manifest"), "Deploy manifest");
    }

    #[test]
    fn compact_json_is_broken_outside_of_strings() {
        let compact = r#"{"a":[1,{"b":"x,\"{y"}],"c":[],"d":{}}"#;
        let expected = "{\n  \"a\": [\n    1,\n    {\n      \"b\": \"x,\\\"{y\"\n    }\n  ],\n  \"c\": [],\n  \"d\": {}\n}";
        assert_eq!(with_line_breaks(compact), expected);
        assert_eq!(with_line_breaks("{\n}\n"), "{\n}");
    }

    #[test]
    fn types_are_named_as_json_has_them() {
        let check = |rust: &str, json: Option<&str>| {
            let ty = syn::parse_str(rust).unwrap();
            assert_eq!(json_type(&ty).as_deref(), json, "{rust}");
        };
        check("Option<Vec<String>>", Some("list of string"));
        check("BTreeMap<String, u64>", Some("object of integer"));
        check("img_oci::Digest", Some("string, a digest"));
        check("RootKind", Some("[RootKind](#rootkind)"));
        check("(u8, u8)", None);
    }
}
