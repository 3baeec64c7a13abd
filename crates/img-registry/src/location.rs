//! The `Location` header: where a redirect leads, where an upload goes on.

use reqwest::Response;
use reqwest::header::LOCATION;
use url::Url;

use crate::RequestError;
use crate::transport::authority;

/// Returns the URL of a response's `Location`: absolute, or relative to what was requested.
pub(crate) fn of(response: &Response) -> Result<Url, RequestError> {
    let refuse = |reason| RequestError::Location {
        host: authority(response.url()),
        reason,
    };
    let header = response
        .headers()
        .get(LOCATION)
        .ok_or_else(|| refuse("there is none"))?;
    let text = header.to_str().map_err(|_| refuse("it is not a URL"))?;
    resolve(response.url(), text).map_err(refuse)
}

fn resolve(base: &Url, location: &str) -> Result<Url, &'static str> {
    if location.is_empty() {
        return Err("it is empty");
    }
    let url = base.join(location).map_err(|_| "it is not a URL")?;
    match (base.scheme(), url.scheme()) {
        ("http", "http" | "https") | ("https", "https") => {}
        ("https", "http") => return Err("it leads from https to http"),
        _ => return Err("it leads to another protocol than HTTP"),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it holds a user name");
    }
    Ok(url)
}

/// Returns the URL with one more parameter; those it has stay as they are.
pub(crate) fn with_query(url: &Url, name: &str, value: &str) -> Url {
    let mut url = url.clone();
    // Built by hand: serialising the pairs anew would change the registry's own, which may be signed.
    let pair = format!(
        "{name}={}",
        url::form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>()
    );
    let query = match url.query() {
        Some(query) if !query.is_empty() => format!("{query}&{pair}"),
        _ => pair,
    };
    url.set_query(Some(&query));
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_absolute_or_relative_and_never_less_secure() {
        let check = |base: &str, location: &str, expected: &str| {
            let resolved = resolve(&Url::parse(base).unwrap(), location);
            assert_eq!(
                resolved.as_ref().map_or_else(|e| *e, Url::as_str),
                expected,
                "{location}"
            );
        };
        let base = "https://r.io/v2/a/blobs/uploads/";
        check(
            base,
            "/v2/a/blobs/uploads/1?_state=x%2Fy",
            "https://r.io/v2/a/blobs/uploads/1?_state=x%2Fy",
        );
        check(base, "1", "https://r.io/v2/a/blobs/uploads/1");
        check(base, "https://cdn.io/1", "https://cdn.io/1");
        check(base, "//cdn.io/1", "https://cdn.io/1");
        check(base, "http://r.io/1", "it leads from https to http");
        check(
            base,
            "file:///etc/passwd",
            "it leads to another protocol than HTTP",
        );
        check(base, "https://u:p@r.io/", "it holds a user name");
        check(base, "https://[", "it is not a URL");
        check(base, "", "it is empty");
        check(
            "http://localhost/",
            "http://localhost:1/x",
            "http://localhost:1/x",
        );
    }

    #[test]
    fn parameters_are_added_without_touching_the_others() {
        let check = |url: &str, expected: &str| {
            assert_eq!(
                with_query(&Url::parse(url).unwrap(), "digest", "sha256:ab").as_str(),
                expected
            );
        };
        check("https://r/u", "https://r/u?digest=sha256%3Aab");
        check("https://r/u?", "https://r/u?digest=sha256%3Aab");
        check(
            "https://r/u?s=a+b%2F~",
            "https://r/u?s=a+b%2F~&digest=sha256%3Aab",
        );
    }
}
