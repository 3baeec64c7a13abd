//! A folder in which the commands run as Bazel runs them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A folder in which commands run; file names in arguments are relative to it.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for (name, text) in files {
            std::fs::write(folder.path(name), text).unwrap();
        }
        folder
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn img(&self, arguments: &str) -> Output {
        self.img_with(arguments.split_whitespace().map(OsString::from))
    }

    pub(crate) fn img_with(&self, arguments: impl IntoIterator<Item = OsString>) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_img"));
        command
            .args(arguments)
            .current_dir(self.0.path())
            .env_clear()
            .output()
            .unwrap()
    }

    #[track_caller]
    pub(crate) fn succeed(&self, arguments: &str) {
        let output = self.img(arguments);
        assert!(output.status.success(), "{arguments}: {}", stderr(&output));
        assert_eq!(
            (output.stdout.len(), output.stderr.len()),
            (0, 0),
            "actions print nothing"
        );
    }

    /// Checks exit code 1, one line on stderr with these parts, and that no file was made.
    #[track_caller]
    pub(crate) fn refuse(&self, arguments: &str, parts: &[&str]) {
        let before = names(self.0.path());
        let output = self.img(arguments);
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{arguments}: {text}");
        assert_eq!(text.trim_end().lines().count(), 1, "{text}");
        assert!(
            parts.iter().all(|part| text.contains(part)),
            "{arguments}: {text}"
        );
        assert_eq!(names(self.0.path()), before, "{arguments}");
    }
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub(crate) fn names(folder: &Path) -> Vec<OsString> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names
}

/// Two equal files, and the parameter file that adds them.
pub(crate) fn hello() -> Folder {
    Folder::new(&[
        ("hello", "hello\n"),
        ("params", "bin/hello\0fhello\nbin/twice\0fhello\n"),
    ])
}
