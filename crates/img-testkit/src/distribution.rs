//! The distribution project's `docker-registry`, on a free loopback port.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// Where Debian puts it.
const PROGRAM: &str = "/usr/bin/docker-registry";

/// A running server; stopped and deleted when dropped.
pub struct DistributionServer {
    /// `127.0.0.1:<port>`
    pub address: String,
    child: Child,
    _folder: TempDir,
}

impl DistributionServer {
    /// Starts a server, or says on stdout that the test is skipped as there is none.
    ///
    /// With `htpasswd` (a line of such a file, hashed by bcrypt) it wants a user name and password.
    ///
    /// # Panics
    ///
    /// If the server is installed but does not start.
    #[allow(clippy::print_stdout)]
    pub fn start(htpasswd: Option<&str>) -> Option<Self> {
        if !Path::new(PROGRAM).exists() {
            println!("skipped: {PROGRAM} is not installed");
            return None;
        }
        let folder = TempDir::new().expect("a temporary folder can be made");
        let config = folder.path().join("config.yml");
        std::fs::write(&config, configuration(folder.path(), htpasswd)).expect("is writable");
        let mut child = Command::new(PROGRAM)
            .arg("serve")
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server can be run");
        let mut log = BufReader::new(child.stderr.take().expect("stderr is a pipe"));
        let address = wait_for_address(&mut log);
        // The pipe is emptied as long as the server runs, or it would stop at a full one.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Some(Self {
            address,
            child,
            _folder: folder,
        })
    }
}

impl Drop for DistributionServer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn configuration(folder: &Path, htpasswd: Option<&str>) -> String {
    let folder = folder.display();
    let auth = htpasswd.map(|line| {
        let path = format!("{folder}/htpasswd");
        std::fs::write(&path, line).expect("is writable");
        format!("auth: {{htpasswd: {{realm: test, path: {path}}}}}\n")
    });
    format!(
        "version: 0.1\nlog: {{level: info}}\n\
         storage: {{filesystem: {{rootdirectory: {folder}/data}}, delete: {{enabled: true}}}}\n\
         http: {{addr: '127.0.0.1:0', secret: test}}\n{}",
        auth.unwrap_or_default()
    )
}

fn wait_for_address(log: &mut impl BufRead) -> String {
    const ANNOUNCEMENT: &str = "listening on ";
    let mut seen = String::new();
    loop {
        let start = seen.len();
        let read = log.read_line(&mut seen).expect("the log is text");
        assert!(read > 0, "the server did not start:\n{seen}");
        if let Some((_, address)) = seen[start..].split_once(ANNOUNCEMENT) {
            let end = address.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ':'));
            return address[..end.unwrap_or(address.len())].to_owned();
        }
    }
}
