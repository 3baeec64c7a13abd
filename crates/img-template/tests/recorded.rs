//! The templates of `testdata/templates`: they come to what Go makes of them, or are refused where Go
//! refuses them. What is refused although Go accepts it says so in the file.
//!
//! `messages.txt` has our words for all that is refused. With `WRITE_EXPECTED` in the environment, it is
//! written anew.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use img_template::{MissingVariable, Problem, Scope, Template, TemplateError, Value};
use serde::Deserialize;

#[derive(Deserialize)]
struct Templates {
    data: serde_json::Value,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    template: String,
    #[serde(default, deserialize_with = "present")]
    data: Option<serde_json::Value>,
    #[serde(default)]
    variables: BTreeMap<String, String>,
    differs: Option<String>,
    output: Option<String>,
    error: Option<String>,
}

/// Takes `null` for data, too.
fn present<'d, D: serde::Deserializer<'d>>(
    deserializer: D,
) -> Result<Option<serde_json::Value>, D::Error> {
    serde_json::Value::deserialize(deserializer).map(Some)
}

impl Case {
    fn render(
        &self,
        common: &serde_json::Value,
        missing: MissingVariable,
    ) -> Result<String, TemplateError> {
        let data = self.data.as_ref().unwrap_or(common).clone();
        let variables = self.variables.iter();
        let scope = Scope {
            data: data.into(),
            variables: variables
                .map(|(name, value)| (name.clone(), Value::text(value)))
                .collect(),
        };
        Template::parse(&self.template)?.render(&scope, missing)
    }
}

fn file(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.join("testdata/templates").join(name)
}

fn recorded() -> Templates {
    let text = fs::read_to_string(file("templates.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Returns what is wrong with a result, if Go's is the measure.
fn difference(case: &Case, found: &Result<String, TemplateError>) -> Option<String> {
    let expected = case.output.as_ref().filter(|_| case.differs.is_none());
    let agrees = found.as_ref().ok() == expected;
    let go = case.error.as_ref().or(case.output.as_ref()).unwrap();
    let text = (case.name.as_str(), case.template.as_str());
    (!agrees).then(|| format!("{text:?}\n  Go   {go:?}\n  here {found:?}"))
}

#[test]
fn templates_come_to_what_go_makes_of_them() {
    let recorded = recorded();
    assert!(recorded.cases.len() > 800, "{}", recorded.cases.len());
    let differences: Vec<String> = recorded
        .cases
        .iter()
        .filter_map(|case| difference(case, &case.render(&recorded.data, MissingVariable::NoValue)))
        .collect();
    assert!(differences.is_empty(), "\n{}\n", differences.join("\n"));
}

/// Where a variable that is not there is an error, the only other results are such errors.
#[test]
fn a_missing_variable_changes_no_output() {
    let recorded = recorded();
    for case in &recorded.cases {
        let tolerant = case.render(&recorded.data, MissingVariable::NoValue);
        let strict = case.render(&recorded.data, MissingVariable::Error);
        match strict.as_ref().map_err(|error| &error.problem) {
            Err(Problem::UnknownVariable { .. } | Problem::NothingToPrint { .. }) => {}
            _ => assert_eq!(strict, tolerant, "{}", case.name),
        }
        if let Ok(output) = strict {
            let is_data = case.template.contains("html") || case.template.contains("js");
            assert!(is_data || !output.contains("<no value>"), "{}", case.name);
        }
    }
}

#[test]
fn what_is_refused_says_why() {
    let recorded = recorded();
    let mut found = String::new();
    for case in &recorded.cases {
        let tolerant = case.render(&recorded.data, MissingVariable::NoValue).err();
        let strict = case.render(&recorded.data, MissingVariable::Error).err();
        if strict.is_some() {
            let template = case.template.escape_debug();
            let shown: String = template.clone().take(160).collect();
            writeln!(found, "{}: {shown}", case.name).unwrap();
        }
        if strict != tolerant
            && let Some(error) = &strict
        {
            writeln!(found, "  where a missing variable is an error: {error}").unwrap();
        }
        if let Some(error) = &tolerant {
            writeln!(found, "  {error}").unwrap();
        }
    }
    if std::env::var_os("WRITE_EXPECTED").is_some() {
        fs::write(file("messages.txt"), &found).unwrap();
    }
    let expected = fs::read_to_string(file("messages.txt")).unwrap();
    for (line, expected) in found.lines().zip(expected.lines()) {
        assert_eq!(line, expected, "messages.txt");
    }
    assert_eq!(found.lines().count(), expected.lines().count());
}
