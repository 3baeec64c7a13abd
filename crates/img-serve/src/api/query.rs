//! Query parameters.

use form_urlencoded::Serializer;

use super::error::{ApiError, Code};
use crate::limits::MAX_PAGE;
use crate::store::Page;

/// The parameters of a request, decoded.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn parse(text: &str) -> Self {
        Self(
            form_urlencoded::parse(text.as_bytes())
                .into_owned()
                .collect(),
        )
    }

    /// Returns the first value of a parameter.
    pub(super) fn find(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Returns the page that `n` and `last` ask for.
    pub(super) fn page(&self) -> Result<Page, ApiError> {
        let size = match self.find("n") {
            None => MAX_PAGE,
            Some(text) if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) => {
                // A number that is too large to parse is larger than any page.
                text.parse().unwrap_or(MAX_PAGE).min(MAX_PAGE)
            }
            Some(text) => {
                let message = format!(
                    "n is `{}`, expected a number from 0 up",
                    text.escape_debug()
                );
                return Err(ApiError::bad_request(
                    Code::PaginationNumberInvalid,
                    message,
                ));
            }
        };
        Ok(Page {
            last: self.find("last").map(str::to_owned),
            size,
        })
    }
}

/// Returns the value of a `Link` header to the next page.
pub(super) fn next_page(path: &str, parameters: &[(&str, &str)]) -> String {
    let query = Serializer::new(String::new())
        .extend_pairs(parameters)
        .finish();
    format!("<{path}?{query}>; rel=\"next\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &str, expected: Option<usize>) {
        let page = Query::parse(query).page();
        assert_eq!(page.ok().map(|page| page.size), expected, "{query}");
    }

    #[test]
    fn page_sizes_are_numbers_and_bounded() {
        check("", Some(MAX_PAGE));
        check("n=0", Some(0));
        check("n=7&n=8", Some(7));
        check("n=100000000000000000000", Some(MAX_PAGE));
        for bad in ["n=", "n=-1", "n=x", "n=+1", "n=%2B1", "n=1.5", "n=0x1"] {
            check(bad, None);
        }
    }

    #[test]
    fn a_link_cannot_be_broken_out_of() {
        let link = next_page(
            "/v2/a/tags/list",
            &[("n", "1"), ("last", "x>; rel=\"evil\"\r\n&")],
        );
        assert_eq!(
            link,
            "</v2/a/tags/list?n=1&last=x%3E%3B+rel%3D%22evil%22%0D%0A%26>; rel=\"next\""
        );
    }
}
