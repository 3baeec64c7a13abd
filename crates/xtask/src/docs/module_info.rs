//! One public .bzl file: what it exports and what that is documented to be.
//!
//! Field names are those of Bazel's `stardoc_output.ModuleInfo`.

use super::DocsError;
use super::text_format::Message;

/// A public file.
#[derive(Debug)]
pub(crate) struct Module {
    /// Its name in //img.
    pub(crate) file: String,
    pub(crate) doc: String,
    pub(crate) rules: Vec<Rule>,
    pub(crate) functions: Vec<Function>,
    pub(crate) extensions: Vec<Extension>,
    pub(crate) providers: Vec<Provider>,
    /// Names that are exported and none of the above.
    pub(crate) constants: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) doc: String,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) provides: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct Attribute {
    pub(crate) name: String,
    pub(crate) doc: String,
    pub(crate) kind: &'static str,
    /// None where a value has to be given.
    pub(crate) default: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) doc: String,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) returns: String,
}

#[derive(Debug)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) doc: String,
    /// None where a value has to be given.
    pub(crate) default: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Extension {
    pub(crate) name: String,
    pub(crate) doc: String,
    /// Each like a rule that provides nothing.
    pub(crate) tags: Vec<Rule>,
}

#[derive(Debug)]
pub(crate) struct Provider {
    pub(crate) name: String,
    pub(crate) doc: String,
    pub(crate) fields: Vec<ProviderField>,
}

#[derive(Debug)]
pub(crate) struct ProviderField {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) doc: String,
}

impl Module {
    /// Returns what `info` says of a file with this source.
    pub(crate) fn new(file: &str, info: &Message, source: &str) -> Result<Self, DocsError> {
        let mut module = Self {
            file: file.to_owned(),
            doc: info.text("module_docstring").to_owned(),
            rules: collect(info, "rule_info", |rule| Rule::new(rule, "rule_name"))?,
            functions: collect(info, "func_info", Function::new)?,
            extensions: collect(info, "module_extension_info", Extension::new)?,
            providers: collect(info, "provider_info", Provider::new)?,
            constants: Vec::new(),
        };
        module.constants = exported_names(source)
            .filter(|name| !module.documents(name))
            .map(str::to_owned)
            .collect();
        Ok(module)
    }

    fn documents(&self, name: &str) -> bool {
        let rules = self.rules.iter().map(|rule| &rule.name);
        rules
            .chain(self.functions.iter().map(|function| &function.name))
            .chain(self.extensions.iter().map(|extension| &extension.name))
            .chain(self.providers.iter().map(|provider| &provider.name))
            .any(|known| known == name)
    }
}

/// Public files only re-export: `name = _name`.
fn exported_names(source: &str) -> impl Iterator<Item = &str> {
    source.lines().filter_map(|line| {
        let (name, value) = line.split_once(" = ")?;
        (value.strip_prefix('_') == Some(name)).then_some(name)
    })
}

fn collect<T>(
    info: &Message,
    field: &str,
    parse: impl Fn(&Message) -> Result<T, DocsError>,
) -> Result<Vec<T>, DocsError> {
    info.messages(field).map(parse).collect()
}

impl Rule {
    fn new(rule: &Message, name_field: &str) -> Result<Self, DocsError> {
        let name = documented(rule, name_field)?;
        let provides = rule
            .messages("advertised_providers")
            .flat_map(|group| group.texts("provider_name"));
        Ok(Self {
            doc: rule.text("doc_string").to_owned(),
            attributes: collect(rule, "attribute", |attribute| {
                Attribute::new(&name, attribute)
            })?,
            provides: provides.map(str::to_owned).collect(),
            name,
        })
    }
}

impl Attribute {
    fn new(owner: &str, attribute: &Message) -> Result<Self, DocsError> {
        let name = documented(attribute, "name")?;
        let kind = attribute_kind(attribute.text("type")).ok_or_else(|| {
            let place = format!("attribute {name} of {owner}");
            DocsError::format(
                place,
                format!("a type other than {}", attribute.text("type")),
            )
        })?;
        Ok(Self {
            kind,
            doc: attribute.text("doc_string").to_owned(),
            default: default_of(attribute),
            name,
        })
    }
}

fn attribute_kind(name: &str) -> Option<&'static str> {
    Some(match name {
        "NAME" => "name",
        "INT" => "int",
        "LABEL" => "label",
        "STRING" => "string",
        "BOOLEAN" => "bool",
        "STRING_LIST" => "list of strings",
        "INT_LIST" => "list of ints",
        "LABEL_LIST" => "list of labels",
        "STRING_DICT" => "dict from string to string",
        "STRING_LIST_DICT" => "dict from string to list of strings",
        "LABEL_STRING_DICT" => "dict from label to string",
        "LABEL_DICT_UNARY" => "dict from string to label",
        "LABEL_LIST_DICT" => "dict from string to list of labels",
        _ => return None,
    })
}

impl Function {
    fn new(function: &Message) -> Result<Self, DocsError> {
        Ok(Self {
            name: documented(function, "function_name")?,
            doc: function.text("doc_string").to_owned(),
            parameters: collect(function, "parameter", |parameter| {
                Ok(Parameter {
                    name: documented(parameter, "name")?,
                    doc: parameter.text("doc_string").to_owned(),
                    default: default_of(parameter),
                })
            })?,
            returns: function
                .messages("return")
                .map(|returns| returns.text("doc_string"))
                .collect(),
        })
    }
}

impl Extension {
    fn new(extension: &Message) -> Result<Self, DocsError> {
        Ok(Self {
            name: documented(extension, "extension_name")?,
            doc: extension.text("doc_string").to_owned(),
            tags: collect(extension, "tag_class", |tag| Rule::new(tag, "tag_name"))?,
        })
    }
}

impl Provider {
    fn new(provider: &Message) -> Result<Self, DocsError> {
        let name = documented(provider, "provider_name")?;
        let fields = collect(provider, "field_info", |field| {
            let field_name = documented(field, "name")?;
            let doc = field.text("doc_string");
            let (kind, doc) = doc.split_once(": ").ok_or_else(|| {
                let place = format!("field {field_name} of {name}");
                DocsError::format(place, "a documentation `<type>: <meaning>`")
            })?;
            Ok(ProviderField {
                name: field_name,
                kind: kind.to_owned(),
                doc: doc.to_owned(),
            })
        })?;
        Ok(Self {
            doc: provider.text("doc_string").to_owned(),
            fields,
            name,
        })
    }
}

fn default_of(message: &Message) -> Option<String> {
    (message.text("mandatory") != "true").then(|| message.text("default_value").to_owned())
}

/// Returns the name of something that has to have a documentation.
fn documented(message: &Message, name_field: &str) -> Result<String, DocsError> {
    let name = message.text(name_field);
    if message.text("doc_string").is_empty() {
        return Err(DocsError::format(name, "a documentation"));
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::text_format::parse;
    use super::*;

    fn module(info: &str) -> Result<Module, DocsError> {
        let source = "load(\"//x.bzl\", _a = \"a\", _B = \"B\")\n\na = _a\nB = _B\n";
        Module::new("m.bzl", &parse("test", info).unwrap(), source)
    }

    #[test]
    fn what_is_not_documented_by_bazel_is_a_constant() {
        let info = r#"rule_info { rule_name: "a" doc_string: "Does." }"#;
        assert_eq!(module(info).unwrap().constants, ["B"]);
    }

    #[test]
    fn a_missing_documentation_is_named() {
        let check = |info: &str, expected: &str| {
            assert_eq!(module(info).unwrap_err().to_string(), expected);
        };
        check(
            r#"rule_info { rule_name: "a" }"#,
            "a: expected a documentation",
        );
        check(
            r#"rule_info { rule_name: "a" doc_string: "Does." attribute { name: "b" } }"#,
            "b: expected a documentation",
        );
        check(
            r#"provider_info { provider_name: "P" doc_string: "Is." field_info { name: "f" doc_string: "What." } }"#,
            "field f of P: expected a documentation `<type>: <meaning>`",
        );
    }
}
