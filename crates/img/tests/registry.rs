//! `img registry` as a process: what it prints, and how it stops.

#![allow(clippy::unwrap_used)] // What fails here fails the test.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};

fn get(port: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
    // Shorter than a server lets idle connections live, so that none makes room in time.
    let patience = Some(std::time::Duration::from_secs(30));
    stream.set_read_timeout(patience).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn check_stop(signal: &str) {
    let directory = tempfile::tempdir().unwrap();
    let port_file = directory.path().join("port");
    let mut child = Command::new(env!("CARGO_BIN_EXE_img"))
        .args(["registry", "--access-log", "-", "--root"])
        .arg(directory.path().join("root"))
        .arg("--port-file")
        .arg(&port_file)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let port = std::fs::read_to_string(&port_file).unwrap();
    let port = port.trim_end();
    assert_eq!(line, format!("listening on http://127.0.0.1:{port}\n"));
    assert!(get(port, "/v2/").starts_with("HTTP/1.1 200 "));
    assert!(get(port, "/v2/%1b%5b").starts_with("HTTP/1.1 404 "));
    let pid = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-s", signal, &pid])
            .status()
            .unwrap()
            .success()
    );
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(
        log.starts_with("GET /v2/ 200 2\nGET /v2/%1b%5b 404 "),
        "{log}"
    );
}

#[test]
fn a_signal_stops_the_server_with_success() {
    check_stop("TERM");
    check_stop("INT");
}

#[test]
fn what_cannot_be_served_is_said_in_one_line() {
    let check = |arguments: &[&str], code: i32, expected: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_img"))
            .arg("registry")
            .args(arguments)
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        assert!(stderr.contains(expected), "{stderr}");
        assert_eq!(output.stdout, b"");
    };
    check(&[], 2, "--root <DIR>");
    check(
        &["--root", "/dev/null/x"],
        1,
        "cannot open storage /dev/null/x",
    );
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().to_str().unwrap();
    check(
        &["--root", root, "--address", "0.0.0.0"],
        1,
        "pass --allow-remote if that is wanted",
    );
    check(
        &["--root", root, "--port-file", "/dev/null/x"],
        1,
        "cannot write /dev/null/x",
    );
}

/// Holds more connections open than files, under limits set by `ulimits`, and asks for the base.
fn check_idle_connections(ulimits: &str, idle: usize) {
    let directory = tempfile::tempdir().unwrap();
    let mut child = Command::new("sh")
        .args(["-c", &format!("{ulimits} && exec \"$@\""), "sh"])
        .args([env!("CARGO_BIN_EXE_img"), "registry", "--root"])
        .arg(directory.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    let port = line.trim_end().rsplit(':').next().unwrap();
    let connect = |_| TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
    let held: Vec<_> = (0..idle).map(connect).collect();
    assert!(get(port, "/v2/").starts_with("HTTP/1.1 200 "));
    drop(held);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_low_soft_limit_of_files_is_raised() {
    check_idle_connections("ulimit -S -n 128", 300);
}
