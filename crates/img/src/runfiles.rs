//! Finding the files of a target at run time, by their path in its runfiles.
//!
//! Looked for in order: the runfiles beside the executable, those the environment names, those the
//! executable lies in (it is a data dependency then); last, the path is taken as it is.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::launch;

/// The runfiles of this process.
#[derive(Debug, Default)]
pub(crate) struct Runfiles {
    folders: Vec<PathBuf>,
    entries: HashMap<String, PathBuf>,
}

impl Runfiles {
    /// Finds the runfiles of this process.
    pub(crate) fn locate() -> Result<Self, Failure> {
        let argv0 = std::env::args_os().next();
        let launched = launch::find(argv0.as_ref())?;
        let executable = launched
            .map(|launched| launched.executable)
            .or(argv0.map(PathBuf::from));
        let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
        Ok(Self::new(
            executable.as_deref(),
            variable("RUNFILES_DIR"),
            variable("RUNFILES_MANIFEST_FILE"),
        ))
    }

    fn new(executable: Option<&Path>, folder: Option<PathBuf>, manifest: Option<PathBuf>) -> Self {
        let beside = |suffix: &str| executable.map(|path| with_suffix(path, suffix));
        let mut runfiles = Self::default();
        runfiles
            .folders
            .extend(beside(".runfiles").filter(|folder| folder.is_dir()));
        runfiles.folders.extend(folder);
        runfiles.folders.extend(executable.and_then(enclosing));
        for manifest in [beside(".runfiles_manifest"), manifest]
            .into_iter()
            .flatten()
        {
            // One that is not there is as good as empty: the folders may do.
            let text = std::fs::read_to_string(manifest).unwrap_or_default();
            for (path, file) in text.lines().filter_map(parse_line) {
                runfiles.entries.entry(path).or_insert(file);
            }
        }
        runfiles
    }

    /// Returns the file at a path in the runfiles, or at the path itself if they do not have it.
    pub(crate) fn find(&self, path: &str) -> Option<PathBuf> {
        let in_folders = self.folders.iter().map(|folder| folder.join(path));
        let in_manifest = self.entries.get(path).cloned();
        let mut places = in_folders.chain(in_manifest).chain([PathBuf::from(path)]);
        places.find(|place| place.is_file())
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// Returns the innermost `*.runfiles` that the path lies in.
fn enclosing(path: &Path) -> Option<PathBuf> {
    let absolute = std::path::absolute(path).ok()?;
    let is_runfiles = |folder: &&Path| folder.extension().is_some_and(|e| e == "runfiles");
    absolute
        .ancestors()
        .skip(1)
        .find(is_runfiles)
        .map(Path::to_owned)
}

/// Parses `<path> <file>`; in a line that begins with a space, spaces, line feeds and backslashes
/// stand as `\s`, `\n` and `\b`.
fn parse_line(line: &str) -> Option<(String, PathBuf)> {
    let escaped = line.strip_prefix(' ');
    let (path, file) = escaped.unwrap_or(line).split_once(' ')?;
    let (path, file) = if escaped.is_some() {
        let unescaped = |text: &str| text.replace("\\n", "\n").replace("\\b", "\\");
        (unescaped(&path.replace("\\s", " ")), unescaped(file))
    } else {
        (path.to_owned(), file.to_owned())
    };
    (!file.is_empty()).then(|| (path, file.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(runfiles: &Runfiles, path: &str, expected: Option<&Path>) {
        assert_eq!(runfiles.find(path).as_deref(), expected, "{path}");
    }

    #[test]
    fn files_are_found_beside_in_the_environment_around_and_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let file = |path: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, "").unwrap();
            path
        };
        let beside = file("bin/push.exe.runfiles/_main/a");
        let environment = file("dir/_main/b");
        let around = file("test.runfiles/_main/c");
        let listed = file("out/d e");
        let manifest = file("MANIFEST");
        let lines = format!(
            "_main/x {}\n _main/d\\se {}\n_main/empty \n",
            listed.display(),
            listed.display()
        );
        std::fs::write(&manifest, lines).unwrap();

        let at = |executable: &str| {
            let executable = folder.path().join(executable);
            Runfiles::new(
                Some(&executable),
                Some(folder.path().join("dir")),
                Some(manifest.clone()),
            )
        };
        let runfiles = at("bin/push.exe");
        check(&runfiles, "_main/a", Some(&beside));
        check(&runfiles, "_main/b", Some(&environment));
        check(&runfiles, "_main/x", Some(&listed));
        check(&runfiles, "_main/d e", Some(&listed));
        check(&runfiles, "_main/empty", None);
        check(&runfiles, "_main/c", None);
        check(&runfiles, beside.to_str().unwrap(), Some(&beside));
        check(
            &at("test.runfiles/_main/push.exe"),
            "_main/c",
            Some(&around),
        );
    }
}
