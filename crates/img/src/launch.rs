//! Running as a rule's executable: the launch description beside `argv[0]`.
//!
//! An executable target is this program under another name, with a launch description beside it.
//! The description is looked for beside the name the program was called by, then along the chain
//! of symlinks behind that name; both bazel-bin and a runfiles tree have it there.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use img_wire::{LAUNCH_SUFFIX, LaunchDescription, WireError};
use thiserror::Error;

use crate::failure::Failure;

/// Symlinks followed from `argv[0]` before giving up, as many as Linux follows.
const MAX_LINKS: usize = 40;

#[derive(Debug, Error)]
enum LaunchError {
    #[error("cannot read launch description {}", path.display())]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("cannot use launch description {}", path.display())]
    Parse { path: PathBuf, source: WireError },
    #[error("there is no launch description {}", path.display())]
    Missing { path: PathBuf },
}

/// A launch description and the executable it was found beside.
pub(crate) struct Launched {
    /// The executable as it stands beside its description.
    pub(crate) executable: PathBuf,
    description: LaunchDescription,
}

/// Returns the arguments with those of a launch description, if there is one, before the user's.
pub(crate) fn arguments(arguments: Vec<OsString>) -> Result<Vec<OsString>, Failure> {
    let Some(launched) = find(arguments.first())? else {
        check_is_tool(&arguments)?;
        return Ok(arguments);
    };
    let mut rest = arguments.into_iter();
    let mut all: Vec<OsString> = rest.next().into_iter().collect();
    all.extend(launched.description.args.iter().map(OsString::from));
    all.extend(rest);
    Ok(all)
}

/// Fails for an executable target that was separated from its launch description: it has another
/// name than the tool, and is not told what to do.
fn check_is_tool(arguments: &[OsString]) -> Result<(), Failure> {
    let Some(executable) = arguments.first() else {
        return Ok(());
    };
    let name = Path::new(executable)
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
    let is_told = match arguments.get(1).and_then(|argument| argument.to_str()) {
        None => arguments.len() > 1,
        Some("-h" | "--help" | "-V" | "--version" | "--persistent_worker") => true,
        Some(first) => !first.starts_with('-'),
    };
    if is_told || matches!(name.as_ref(), "img" | "img.exe" | "resolved_toolchain.exe") {
        return Ok(());
    }
    let error = LaunchError::Missing {
        path: beside(Path::new(executable)),
    };
    Err(Failure::from(error).hint(
        "run the target by `bazel run`, or copy its launch description and its runfiles along with it",
    ))
}

/// Returns the default that the launch description, if there is one, sets for an environment variable.
pub(crate) fn environment_default(name: &str) -> Option<String> {
    let launched = find(std::env::args_os().next().as_ref()).ok().flatten()?;
    launched.description.env.get(name).cloned()
}

/// Finds the launch description of the executable called `argv0`.
pub(crate) fn find(argv0: Option<&OsString>) -> Result<Option<Launched>, Failure> {
    let Some(argv0) = argv0 else { return Ok(None) };
    let mut executable = PathBuf::from(argv0);
    if !executable.as_os_str().as_encoded_bytes().contains(&b'/') {
        match in_search_path(&executable) {
            Some(found) => executable = found,
            None => return Ok(None),
        }
    }
    for _ in 0..MAX_LINKS {
        if let Some(launched) = read_beside(&executable)? {
            return Ok(Some(launched));
        }
        let Ok(target) = std::fs::read_link(&executable) else {
            break;
        };
        executable = executable.parent().unwrap_or(Path::new("")).join(target);
    }
    Ok(None)
}

fn in_search_path(name: &Path) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// Returns where the launch description of an executable is.
fn beside(executable: &Path) -> PathBuf {
    let mut path = executable.as_os_str().to_owned();
    path.push(LAUNCH_SUFFIX);
    PathBuf::from(path)
}

fn read_beside(executable: &Path) -> Result<Option<Launched>, LaunchError> {
    let path = beside(executable);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(LaunchError::Read { path, source }),
    };
    match LaunchDescription::parse(&bytes) {
        Ok(description) => Ok(Some(Launched {
            executable: executable.to_owned(),
            description,
        })),
        Err(source) => Err(LaunchError::Parse { path, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_is_found_beside_the_name_and_through_links() {
        let folder = std::env::temp_dir().join(format!("img-launch-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let executable = folder.join("push.exe");
        std::fs::write(&executable, "").unwrap();
        std::fs::write(
            folder.join("push.exe.launch.json"),
            r#"{"version":1,"args":["deploy","-x"]}"#,
        )
        .unwrap();
        let link = folder.join("link");
        std::os::unix::fs::symlink("push.exe", &link).unwrap();
        for name in [&executable, &link] {
            let given = vec![name.clone().into_os_string(), "--tag".into()];
            let found = arguments(given).unwrap();
            assert_eq!(found[1..], ["deploy", "-x", "--tag"]);
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_program_without_a_description_takes_its_arguments_as_they_are() {
        assert_eq!(
            arguments(vec!["/x/img".into(), "hash".into()]).unwrap(),
            ["/x/img", "hash"]
        );
    }

    #[test]
    fn a_target_without_its_description_says_so() {
        let check = |line: &[&str], accepted: bool| {
            let given = line.iter().map(OsString::from).collect();
            assert_eq!(arguments(given).is_ok(), accepted, "{line:?}");
        };
        check(&["/no/such/push.exe"], false);
        check(&["/no/such/push.exe", "--tag", "x"], false);
        check(&["/no/such/push.exe", "--help"], true);
        check(&["/no/such/tool", "inspect", "x"], true);
        check(&["/no/such/img"], true);
        check(&["/no/such/resolved_toolchain.exe", "-x"], true);
    }

    #[test]
    fn a_target_may_be_called_img() {
        let folder = tempfile::tempdir().unwrap();
        let description = r#"{"version":1,"args":["deploy"]}"#;
        std::fs::write(folder.path().join("img.exe.launch.json"), description).unwrap();
        let given = vec![folder.path().join("img.exe").into_os_string()];
        assert_eq!(arguments(given).unwrap()[1..], ["deploy"]);
    }
}
