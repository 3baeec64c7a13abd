//! `img registry`: an OCI distribution server on this machine.

use std::fs::File;
use std::io::{self, Write};
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;
use img_oci::Digest;
use img_serve::{Limits, Observer, RequestRecord, ServeError, Server, StoreError};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};

use crate::failure::{Failure, Outcome};

/// The arguments of `img registry`.
#[derive(Args)]
pub(crate) struct RegistryArgs {
    /// Host name or address to listen on
    #[arg(long, value_name = "HOST", default_value = "localhost")]
    address: String,

    /// Port to listen on; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,

    /// Directory that holds blobs, manifests and tags; created if absent
    #[arg(long, value_name = "DIR")]
    root: PathBuf,

    /// Write the port to this file once the server listens
    #[arg(long, value_name = "FILE")]
    port_file: Option<PathBuf>,

    /// Append a line for each request to this file; - is stderr
    #[arg(long, value_name = "FILE")]
    access_log: Option<PathBuf>,

    /// Listen on an address that other machines can reach, without TLS and authentication
    #[arg(long)]
    allow_remote: bool,
}

#[derive(Debug, Error)]
enum RegistryError {
    #[error("cannot resolve address `{host}`")]
    Resolve { host: String, source: io::Error },
    #[error("address `{host}` stands for no IP address")]
    NoAddress { host: String },
    #[error("{address} can be reached from other machines")]
    Remote { address: SocketAddr },
    #[error("cannot start the server")]
    Runtime { source: io::Error },
    #[error("cannot write {}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot print the address")]
    Print { source: io::Error },
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// Serves until SIGTERM or SIGINT.
pub(crate) fn run(arguments: &RegistryArgs) -> Outcome {
    let address = resolve(arguments)?;
    let access_log = arguments.access_log.as_deref().map(open_log).transpose()?;
    let observer = Arc::new(Printer {
        access_log: access_log.map(Mutex::new),
    });
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|source| RegistryError::Runtime { source })?;
    let served = runtime.block_on(serve(arguments, address, observer));
    // What was not done when the drain ended is cut off.
    runtime.shutdown_background();
    Ok(served?)
}

/// Returns the address to listen on; IPv4 where a name stands for both.
fn resolve(arguments: &RegistryArgs) -> Result<SocketAddr, Failure> {
    let host = &arguments.address;
    let addresses: Vec<SocketAddr> = (host.as_str(), arguments.port)
        .to_socket_addrs()
        .map_err(|source| RegistryError::Resolve {
            host: host.clone(),
            source,
        })?
        .collect();
    let preferred = addresses
        .iter()
        .find(|address| address.is_ipv4())
        .or(addresses.first());
    let address = *preferred.ok_or_else(|| RegistryError::NoAddress { host: host.clone() })?;
    if address.ip().is_loopback() || arguments.allow_remote {
        return Ok(address);
    }
    let hint = "the server has no TLS and no authentication; pass --allow-remote if that is wanted";
    Err(Failure::from(RegistryError::Remote { address }).hint(hint))
}

async fn serve(
    arguments: &RegistryArgs,
    address: SocketAddr,
    observer: Arc<Printer>,
) -> Result<(), RegistryError> {
    let limits = Limits::default().within_files(raise_file_limit());
    // Before the server says that it listens, so that whoever reads that may stop it.
    let failed = |source| RegistryError::Runtime { source };
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let root = crate::input::user_path(&arguments.root);
    let server = Server::bind(address, &root, limits, observer).await?;
    announce(server.address(), arguments.port_file.as_deref())?;
    server
        .run(async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        })
        .await;
    Ok(())
}

/// Raises the number of files that may be open as far as it goes, and returns it.
///
/// The soft limit is low for the sake of programs that use `select`, which this one does not.
fn raise_file_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    // Some systems refuse what they call the maximum; the server then makes do with what it has.
    let in_force = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    in_force.unwrap_or(u64::MAX)
}

fn announce(address: SocketAddr, port_file: Option<&Path>) -> Result<(), RegistryError> {
    if let Some(path) = port_file {
        write_port(path, address.port()).map_err(|source| RegistryError::Write {
            path: path.to_owned(),
            source,
        })?;
    }
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "listening on http://{address}")
        .and_then(|()| stdout.flush())
        .map_err(|source| RegistryError::Print { source })
}

/// Writes the port so that whoever sees the file sees all of it.
fn write_port(path: &Path, port: u16) -> io::Result<()> {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let mut file = tempfile::NamedTempFile::new_in(parent.unwrap_or(Path::new(".")))?;
    writeln!(file, "{port}")?;
    file.persist(path)?;
    Ok(())
}

fn open_log(path: &Path) -> Result<Box<dyn Write + Send>, RegistryError> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stderr()));
    }
    let file = File::options().create(true).append(true).open(path);
    let file = file.map_err(|source| RegistryError::Write {
        path: path.to_owned(),
        source,
    })?;
    Ok(Box::new(file))
}

/// Writes what happens to the access log, and what an operator must know to stderr.
struct Printer {
    access_log: Option<Mutex<Box<dyn Write + Send>>>,
}

impl Observer for Printer {
    fn wants_requests(&self) -> bool {
        self.access_log.is_some()
    }

    fn request(&self, record: &RequestRecord<'_>) {
        let Some(log) = &self.access_log else { return };
        let target = record.target.escape_debug();
        let line = format!(
            "{} {target} {} {}\n",
            record.method, record.status, record.bytes
        );
        // A log that cannot be written is no reason to refuse requests.
        let _ = log
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .write_all(line.as_bytes());
    }

    fn corrupt_blob(&self, digest: &Digest) {
        warn(&format!(
            "stored copy of {digest} was corrupt and is now in quarantine"
        ));
    }

    fn storage_failure(&self, error: &StoreError) {
        let mut text = error.to_string();
        if let Some(cause) = std::error::Error::source(error) {
            text = format!("{text}: {cause}");
        }
        warn(&text);
    }
}

fn warn(text: &str) {
    // Nothing is left to do where stderr is closed.
    let _ = writeln!(io::stderr(), "img registry: {}", text.escape_debug());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(address: &str, allow_remote: bool, expected: Result<&str, &str>) {
        let arguments = RegistryArgs {
            address: address.to_owned(),
            port: 5000,
            root: PathBuf::new(),
            port_file: None,
            access_log: None,
            allow_remote,
        };
        let shown = match resolve(&arguments) {
            Ok(address) => Ok(address.to_string()),
            Err(failure) => Err(failure.to_string()),
        };
        match (&shown, expected) {
            (Ok(shown), Ok(expected)) => assert_eq!(shown, expected),
            (Err(shown), Err(expected)) => assert!(shown.contains(expected), "{shown}"),
            _ => panic!("{address}: {shown:?}"),
        }
    }

    #[test]
    fn only_loopback_is_listened_on_unless_allowed() {
        check("localhost", false, Ok("127.0.0.1:5000"));
        check("127.0.0.2", false, Ok("127.0.0.2:5000"));
        check("::1", false, Ok("[::1]:5000"));
        check("0.0.0.0", false, Err("pass --allow-remote"));
        check("::", false, Err("can be reached from other machines"));
        check("0.0.0.0", true, Ok("0.0.0.0:5000"));
    }
}
