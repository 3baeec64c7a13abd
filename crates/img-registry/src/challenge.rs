//! The `WWW-Authenticate` header, read strictly.
//!
//! Sources: RFC 9110, section 11.6.1; the distribution project's token authentication.

use thiserror::Error;

/// What a registry asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// A token of this server.
    Bearer(BearerChallenge),
    /// User name and password.
    Basic,
}

/// Where to get a token, and for what.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct BearerChallenge {
    /// URL of the token server.
    pub(crate) realm: String,
    /// Name of the registry to the token server.
    pub(crate) service: Option<String>,
    /// What the registry thinks the token has to allow.
    pub(crate) scope: Option<String>,
}

/// A header that does not follow the grammar.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("malformed WWW-Authenticate header `{}`", .0.chars().take(200).collect::<String>().escape_debug())]
pub struct ParseChallengeError(String);

/// Returns the challenge to answer: the first Bearer, else Basic; others are passed over.
pub(crate) fn parse(header: &str) -> Result<Option<Challenge>, ParseChallengeError> {
    let malformed = || ParseChallengeError(header.to_owned());
    let mut best = None;
    let mut rest = header;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return Ok(best);
        }
        let (scheme, after) = token(rest).ok_or_else(malformed)?;
        let (parameters, after) = parameters(after).ok_or_else(malformed)?;
        rest = after;
        match scheme.to_ascii_lowercase().as_str() {
            "bearer" if !matches!(best, Some(Challenge::Bearer(_))) => {
                best = Some(Challenge::Bearer(bearer(parameters).ok_or_else(malformed)?));
            }
            "basic" if best.is_none() => best = Some(Challenge::Basic),
            _ => {}
        }
    }
}

type Parameters = Vec<(String, String)>;

fn bearer(parameters: Parameters) -> Option<BearerChallenge> {
    let mut challenge = BearerChallenge::default();
    let mut seen = std::collections::BTreeSet::new();
    for (name, value) in parameters {
        if !seen.insert(name.clone()) {
            return None;
        }
        match name.as_str() {
            "realm" => challenge.realm = value,
            "service" => challenge.service = Some(value),
            "scope" => challenge.scope = Some(value),
            _ => {}
        }
    }
    (!challenge.realm.is_empty()).then_some(challenge)
}

/// Reads `name=value` pairs up to the next scheme or the end.
fn parameters(text: &str) -> Option<(Parameters, &str)> {
    let mut parameters = Vec::new();
    let mut rest = text;
    loop {
        let start = rest.trim_start_matches([' ', '\t', ',']);
        let Some((name, after)) = token(start) else {
            return start.is_empty().then_some((parameters, start));
        };
        let after = after.trim_start_matches([' ', '\t']);
        let Some(value) = after.strip_prefix('=') else {
            return Some((parameters, start));
        };
        let (value, after) = value_of(value.trim_start_matches([' ', '\t']))?;
        if !(after.is_empty() || after.starts_with([' ', '\t', ','])) {
            return None;
        }
        parameters.push((name.to_ascii_lowercase(), value));
        rest = after;
    }
}

fn value_of(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        return token(text).map(|(value, rest)| (value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((index, c)) = characters.next() {
        match c {
            '"' => return Some((value, &quoted[index + 1..])),
            '\\' => value.push(characters.next()?.1),
            c if c.is_control() => return None,
            c => value.push(c),
        }
    }
    None
}

fn token(text: &str) -> Option<(&str, &str)> {
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    let end = text
        .bytes()
        .position(|b| !is_token(b))
        .unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: &str, expected: &str) {
        let shown = match parse(header) {
            Err(_) => "malformed".to_owned(),
            Ok(None) => "none".to_owned(),
            Ok(Some(Challenge::Basic)) => "basic".to_owned(),
            Ok(Some(Challenge::Bearer(bearer))) => format!(
                "{} {} {}",
                bearer.realm,
                bearer.service.as_deref().unwrap_or("-"),
                bearer.scope.as_deref().unwrap_or("-")
            ),
        };
        assert_eq!(shown, expected, "{header}");
    }

    #[test]
    fn bearer_is_preferred_to_basic_and_others_are_passed_over() {
        check(
            r#"Bearer realm="https://a/t",service="s",scope="repository:x:pull,push""#,
            "https://a/t s repository:x:pull,push",
        );
        check(r#"bearer realm=x , service = "a\"b""#, "x a\"b -");
        check(
            r#"Basic realm="x", Bearer realm="https://a",scope="s""#,
            "https://a - s",
        );
        check(
            r#"Digest realm="x", qop="auth", Basic realm="Registry Realm""#,
            "basic",
        );
        check("Basic", "basic");
        check("Negotiate", "none");
        check("", "none");
    }

    #[test]
    fn headers_outside_the_grammar_are_refused() {
        for header in [
            "Bearer",
            "Bearer realm=\"\"",
            "Bearer realm=\"x",
            "Bearer realm=\"a\"b",
            "Bearer realm=a,realm=b",
            "Bearer service=\"s\"",
            "\"Bearer\"",
            "Bearer realm=\"a\rb\"",
            "Bearer realm=",
            "Bearer realm=\"a\\",
        ] {
            check(header, "malformed");
        }
    }
}
