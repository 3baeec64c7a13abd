//! Listings in pages: repositories, tags, referrers.

use std::cmp::Ordering;
use std::fs;
use std::path::Path;

use img_oci::{Descriptor, Digest, Repository};

use super::Store;
use super::error::{Attempt as _, StoreError, existing};
use crate::limits::MAX_REFERRERS_SIZE;

/// Which part of a listing is wanted.
pub(crate) struct Page {
    /// Entries up to this one were seen before.
    pub(crate) last: Option<String>,
    /// How many entries are wanted.
    pub(crate) size: usize,
}

impl Page {
    /// Cuts the page out of all names, and tells whether more follow.
    fn cut(&self, mut names: Vec<String>) -> (Vec<String>, bool) {
        if let Some(last) = &self.last {
            names.retain(|name| lexical(name, last) == Ordering::Greater);
        }
        names.sort_unstable_by(|a, b| lexical(a, b));
        let more = names.len() > self.size;
        names.truncate(self.size);
        (names, more)
    }
}

/// Orders as the distribution-spec says, "lexical (i.e. case-insensitive alphanumeric order)".
fn lexical(a: &str, b: &str) -> Ordering {
    let folded = |text: &str| {
        text.bytes()
            .map(|b| b.to_ascii_lowercase())
            .collect::<Vec<_>>()
    };
    folded(a).cmp(&folded(b)).then_with(|| a.cmp(b))
}

/// A page of referrers.
pub(crate) struct ReferrersPage {
    pub(crate) descriptors: Vec<Descriptor>,
    /// The last referrer looked at, if there are more.
    pub(crate) next: Option<Digest>,
}

impl Store {
    /// Returns a page of the repository's tags, and whether more follow.
    pub(crate) fn tag_page(
        &self,
        repository: &Repository,
        page: &Page,
    ) -> Result<(Vec<String>, bool), StoreError> {
        let tags = self.all_tags(repository)?;
        Ok(page.cut(tags.iter().map(|tag| tag.as_str().to_owned()).collect()))
    }

    /// Returns a page of all repositories, and whether more follow.
    pub(crate) fn repository_page(&self, page: &Page) -> Result<(Vec<String>, bool), StoreError> {
        let mut names = Vec::new();
        let root = self.layout.repositories();
        collect_repositories(&root, "", &mut names)?;
        Ok(page.cut(names))
    }

    /// Returns a page of the descriptors that refer to `subject` and are of `artifact_type`.
    pub(crate) fn referrers_page(
        &self,
        repository: &Repository,
        subject: &Digest,
        artifact_type: Option<&str>,
        last: Option<&Digest>,
    ) -> Result<ReferrersPage, StoreError> {
        let mut digests = self.all_referrers(repository, subject)?;
        digests.retain(|digest| last.is_none_or(|last| digest > last));
        let mut page = ReferrersPage {
            descriptors: Vec::new(),
            next: None,
        };
        let mut size = 0;
        let mut seen = None;
        for digest in digests {
            let Some(descriptor) = self.referrer(repository, subject, &digest)? else {
                continue;
            };
            if artifact_type.is_some() && descriptor.artifact_type.as_deref() != artifact_type {
                continue;
            }
            size += listed_size(&descriptor);
            if size > MAX_REFERRERS_SIZE && seen.is_some() {
                page.next = seen;
                break;
            }
            page.descriptors.push(descriptor);
            seen = Some(digest);
        }
        Ok(page)
    }
}

/// Returns the descriptor's size as JSON, with the comma behind it.
fn listed_size(descriptor: &Descriptor) -> usize {
    serde_json::to_vec(descriptor).map_or(0, |text| text.len() + 1)
}

fn collect_repositories(
    directory: &Path,
    name: &str,
    names: &mut Vec<String>,
) -> Result<(), StoreError> {
    let Some(entries) = existing(fs::read_dir(directory)).attempt("list", directory)? else {
        return Ok(());
    };
    for entry in entries {
        let entry = entry.attempt("list", directory)?.file_name();
        match entry.to_str() {
            Some("_tags") => names.push(name.to_owned()),
            Some(component) if !component.starts_with('_') => {
                let separator = if name.is_empty() { "" } else { "/" };
                let name = format!("{name}{separator}{component}");
                collect_repositories(&directory.join(component), &name, names)?;
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(last: Option<&str>, size: usize, expected: &[&str], more: bool) {
        let names = ["b", "A", "a", "C", "1"].map(str::to_owned).to_vec();
        let page = Page {
            last: last.map(str::to_owned),
            size,
        };
        assert_eq!(
            page.cut(names),
            (expected.iter().map(|&s| s.to_owned()).collect(), more)
        );
    }

    #[test]
    fn pages_follow_lexical_order() {
        check(None, 9, &["1", "A", "a", "b", "C"], false);
        check(None, 2, &["1", "A"], true);
        check(Some("A"), 2, &["a", "b"], true);
        check(Some("aa"), 9, &["b", "C"], false);
        check(Some("\r\n"), 1, &["1"], true);
        check(Some("zz"), 9, &[], false);
        check(None, 0, &[], true);
    }
}
