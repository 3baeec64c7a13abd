//! Names of entries and links as places inside an image.

use super::ReadErrorKind;

/// Returns the path in its one spelling; `.` is the root.
///
/// `.` components, doubled slashes and slashes at either end mean nothing to any reader that unpacks
/// below a directory; `..` does.
pub(super) fn normalize(what: &'static str, name: &[u8]) -> Result<Vec<u8>, ReadErrorKind> {
    let refuse = |problem| Err(refused(what, name, problem));
    if name.is_empty() {
        return refuse("is empty");
    }
    if name.contains(&0) {
        return refuse("holds a NUL byte");
    }
    let components = name.split(|byte| *byte == b'/');
    let components: Vec<&[u8]> = components.filter(|c| !matches!(*c, b"" | b".")).collect();
    if components.contains(&b"..".as_slice()) {
        return refuse("holds a `..` component");
    }
    if components.is_empty() {
        return Ok(b".".to_vec());
    }
    Ok(components.join(&b'/'))
}

/// Fails for a whiteout that hides nothing, the directory it stands in, or the one above.
///
/// Source: OCI image specification, `layer.md`, "Whiteouts".
pub(super) fn check_whiteout(path: &[u8]) -> Result<(), ReadErrorKind> {
    let base = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
    match base {
        b".wh." | b".wh.." | b".wh..." => Err(refused(
            "path",
            path,
            "is a whiteout of nothing that a directory can hold",
        )),
        _ => Ok(()),
    }
}

pub(super) fn refused(what: &'static str, name: &[u8], problem: &'static str) -> ReadErrorKind {
    ReadErrorKind::Name {
        what,
        found: name.to_vec(),
        problem,
    }
}
