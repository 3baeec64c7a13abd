//! Paths in the image: one spelling for each place.
//!
//! Empty and `.` components mean nothing and are dropped. A path that is empty, absolute or that
//! holds `..` or NUL is refused, rather than given a meaning that another reader may not share.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::error::{BuildLayerError, shown};

/// The longest path in bytes: Linux's `PATH_MAX`, less the NUL. Nobody unpacks a longer one.
pub(crate) const LONGEST_PATH: usize = 4095;

/// What is wrong with a longer one.
pub(crate) const TOO_LONG: &str = "is longer than any system unpacks";

/// Returns the path in its one spelling: components joined by single slashes.
pub(crate) fn normalize(path: Cow<'_, [u8]>) -> Result<Cow<'_, [u8]>, BuildLayerError> {
    let refuse = |problem| BuildLayerError::Path {
        path: shown(&path),
        problem,
    };
    if path.starts_with(b"/") {
        return Err(refuse("is absolute"));
    }
    if path.contains(&0) {
        return Err(refuse("holds a NUL byte"));
    }
    if path.len() > LONGEST_PATH {
        return Err(refuse(TOO_LONG));
    }
    let mut is_normal = true;
    for component in path.split(|b| *b == b'/') {
        match component {
            b".." => return Err(refuse("holds a `..` component")),
            b"" | b"." => is_normal = false,
            _ => {}
        }
    }
    if is_normal {
        return Ok(path);
    }
    let kept = path
        .split(|b| *b == b'/')
        .filter(|c| !matches!(*c, b"" | b"."));
    let joined = kept.collect::<Vec<_>>().join(&b'/');
    if joined.is_empty() {
        Err(refuse("is empty"))
    } else {
        Ok(Cow::Owned(joined))
    }
}

/// Returns the path above, unless that is the root.
pub(crate) fn parent(path: &[u8]) -> Option<&[u8]> {
    path.iter().rposition(|b| *b == b'/').map(|at| &path[..at])
}

/// Returns the text of a symlink at `link` that leads to `target`, both paths in the image.
pub(crate) fn relative(link: &[u8], target: &[u8]) -> Vec<u8> {
    let components =
        |path: &[u8]| -> Vec<Vec<u8>> { path.split(|b| *b == b'/').map(<[u8]>::to_vec).collect() };
    let (mut from, to) = (components(link), components(target));
    from.pop();
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n(b"..".to_vec(), from.len() - shared);
    let text = up.chain(to.into_iter().skip(shared)).collect::<Vec<_>>();
    match text.as_slice() {
        [] => b".".to_vec(),
        text => text.join(&b'/'),
    }
}

/// Returns the path on disk that these bytes name.
pub(crate) fn on_disk(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_has_one_spelling() {
        let check = |path: &str, expected: Option<&str>| {
            let found = normalize(Cow::Borrowed(path.as_bytes())).ok();
            assert_eq!(found.as_deref(), expected.map(str::as_bytes), "{path:?}");
        };
        check("a/b", Some("a/b"));
        check("./a//b/./c/", Some("a/b/c"));
        check("..a/b..", Some("..a/b.."));
        for refused in [
            "", "/", ".", "./", "/a", "//a", "..", "../a", "a/../b", "a/..", "a\0b",
        ] {
            check(refused, None);
        }
    }

    #[test]
    fn relative_links_go_up_as_far_as_needed() {
        let check = |link: &str, target: &str, text: &str| {
            assert_eq!(
                relative(link.as_bytes(), target.as_bytes()),
                text.as_bytes()
            );
        };
        check("a/b", "a/c", "c");
        check("b", "a/c", "a/c");
        check("x/y/z", "a", "../../a");
        check("a/b/c", "a/d/e", "../d/e");
    }
}
