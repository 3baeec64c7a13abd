//! `img` as a persistent worker: the same bytes and messages as of a process for each action.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

const FILES: [(&str, &str); 3] = [
    ("a.txt", "a"),
    ("b.txt", "b"),
    ("params", "etc/p\0fa.txt\n"),
];

const METADATA: &str = r#"{"name":"l","diff_id":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":0,"annotations":{}}"#;

/// A directory with the input files.
fn directory() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fill(directory.path());
    directory
}

fn fill(directory: &Path) {
    for (name, text) in FILES {
        std::fs::write(directory.join(name), text).unwrap();
    }
    std::fs::write(directory.join("l.json"), METADATA).unwrap();
    std::fs::create_dir(directory.join("out")).unwrap();
}

/// The outputs in a directory: name to content.
fn outputs(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(directory.join("out")).unwrap();
    let read = entries.map(|entry| {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, std::fs::read(path).unwrap())
    });
    read.collect()
}

/// Runs a worker with this as its input.
fn worker(directory: &Path, startup: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_img"))
        .args(startup)
        .arg("--persistent_worker")
        .current_dir(directory)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A worker that ends before it has read all says why.
    let _ = stdin.write_all(input);
    drop(stdin);
    child.wait_with_output().unwrap()
}

fn lines(requests: &[Value]) -> Vec<u8> {
    let lines: Vec<String> = requests.iter().map(|r| format!("{r}\n")).collect();
    lines.concat().into_bytes()
}

/// Runs a worker that takes all requests; the responses by ID.
fn responses(directory: &Path, startup: &[&str], requests: &[Value]) -> BTreeMap<i64, Value> {
    let output = worker(directory, startup, &lines(requests));
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let responses: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(responses.len(), requests.len(), "{text}");
    let by_id = |response: Value| (response["requestId"].as_i64().unwrap(), response);
    responses.into_iter().map(by_id).collect()
}

/// Command lines that build, each with outputs of its own.
const BUILDS: [&[&str]; 6] = [
    &[
        "layer",
        "--name=x",
        "--add-line=etc/a\0fa.txt",
        "--symlink-line=l\0/etc/a",
        "--add=b=b.txt",
        "--add-from-file=params",
        "--metadata=out/layer.json",
        "out/layer.tgz",
    ],
    &[
        "layer",
        "--format=zstd",
        "--executable=bin/a=a.txt",
        "--runfiles=a.txt=params",
        "out/layer.tar.zst",
    ],
    &["hash", "--encoding=hex", "a.txt", "out/hash"],
    &[
        "manifest",
        "--layer-from-metadata=l.json",
        "--env=A=b\nc",
        "--manifest=out/manifest",
        "--config=out/config",
        "--descriptor=out/descriptor",
    ],
    &["layer", "--add=e=missing", "out/none.tgz"],
    &["layer", "--unknown", "out/none.tgz"],
];

#[test]
fn a_worker_builds_what_processes_build() {
    let (alone, together, sandboxed) = (directory(), directory(), tempfile::tempdir().unwrap());
    std::fs::create_dir_all(sandboxed.path().join("box/7")).unwrap();
    fill(&sandboxed.path().join("box/7"));
    let mut expected = BTreeMap::new();
    for (id, arguments) in (1..).zip(BUILDS) {
        let mut plain = arguments.to_vec();
        // What cannot stand on a command line stands in a file.
        let file = format!(
            "{}\n",
            plain
                .split_off(1)
                .iter()
                .map(|line| escaped(line))
                .collect::<Vec<_>>()
                .join("\n")
        );
        std::fs::write(alone.path().join("flags"), file).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_img"))
            .args(plain)
            .arg("@flags")
            .current_dir(alone.path())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        expected.insert(id, (i64::from(output.status.code().unwrap()), text));
    }
    for (place, sandbox) in [(together.path(), ""), (sandboxed.path(), "box/7")] {
        let request = |(id, arguments): (i64, &&[&str])| {
            let escaped: Vec<String> = arguments.iter().map(|line| escaped(line)).collect();
            json!({"arguments": escaped, "requestId": id, "sandboxDir": sandbox, "inputs": []})
        };
        let requests: Vec<Value> = (1..).zip(&BUILDS).map(request).collect();
        let found: BTreeMap<i64, (i64, String)> = responses(place, &[], &requests)
            .into_iter()
            .map(|(id, r)| {
                (
                    id,
                    (
                        r["exitCode"].as_i64().unwrap(),
                        r["output"].as_str().unwrap().to_owned(),
                    ),
                )
            })
            .collect();
        assert_eq!(found, expected);
        assert_eq!(outputs(&place.join(sandbox)), outputs(alone.path()));
    }
    assert_eq!(outputs(alone.path()).len(), 7);
}

/// A line as the rules write it.
fn escaped(argument: &str) -> String {
    if argument.contains('\n') {
        return json!(argument).to_string();
    }
    argument.to_owned()
}

#[test]
fn nothing_leaves_the_sandbox() {
    let directory = directory();
    std::fs::create_dir(directory.path().join("box")).unwrap();
    let elsewhere = directory.path().join("a.txt");
    let requests: Vec<Value> = (1..)
        .zip([
            vec!["--add=a=../a.txt".to_owned(), "o".to_owned()],
            vec![format!("--add=a={}", elsewhere.display()), "o".to_owned()],
            vec!["../o".to_owned()],
            vec!["@../params".to_owned()],
        ])
        .map(
            |(id, arguments)| json!({"arguments": arguments, "requestId": id, "sandboxDir": "box"}),
        )
        .collect();
    for response in responses(directory.path(), &["layer"], &requests).values() {
        let text = response["output"].as_str().unwrap();
        assert!(text.contains("the path leads out of the sandbox"), "{text}");
    }
    assert!(
        std::fs::read_dir(directory.path().join("box"))
            .unwrap()
            .next()
            .is_none()
    );
    assert!(!directory.path().join("o").exists());
}

#[test]
fn a_worker_only_builds() {
    let directory = directory();
    let requests = [
        json!({"arguments": ["inspect", "a.txt"], "requestId": 1}),
        json!({"arguments": ["--help"]}),
    ];
    let found = responses(directory.path(), &[], &requests);
    let text = found[&1]["output"].as_str().unwrap();
    assert!(text.contains("a worker builds"), "{text}");
    assert!(
        found[&0]["output"]
            .as_str()
            .unwrap()
            .starts_with("Build, push")
    );
    assert_eq!(found[&0]["exitCode"], 0);
}

#[test]
fn what_is_no_request_ends_the_worker_with_a_message() {
    let check = |startup: &[&str], input: &[u8], expected: &str| {
        let directory = directory();
        let output = worker(directory.path(), startup, input);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(
            text.starts_with("img: ") && text.contains(expected),
            "{text}"
        );
        assert_eq!(text.lines().count(), 1);
        assert!(outputs(directory.path()).is_empty());
    };
    check(
        &["layer"],
        b"{nonsense}\n",
        "cannot read a work request from JSON",
    );
    check(
        &["layer"],
        b"{\"arguments\":[\"out/",
        "the input ends in the middle of it",
    );
    check(
        &["layer"],
        b"\x20\x0a\x05",
        "the input ends in the middle of it",
    );
    check(
        &["layer", "--worker-protocol=xml"],
        b"",
        "expected json or proto, found `xml`",
    );
}

#[test]
fn protocol_buffers_are_answered_in_kind() {
    let directory = directory();
    let mut message = Vec::new();
    for argument in ["hash", "--encoding=hex", "a.txt", "out/h"] {
        message.extend([0x0a, u8::try_from(argument.len()).unwrap()]);
        message.extend(argument.as_bytes());
    }
    message.extend([0x18, 5]);
    let mut input = vec![u8::try_from(message.len()).unwrap()];
    input.extend(message);
    for startup in [&[][..], &["--worker-protocol", "proto"]] {
        let output = worker(directory.path(), startup, &input);
        assert!(output.status.success(), "{output:?}");
        assert_eq!(output.stdout, [2, 0x18, 5]);
        let hash = std::fs::remove_file(directory.path().join("out/h"));
        hash.unwrap();
    }
}

#[test]
fn hashes_are_remembered_by_content_and_never_by_path() {
    let directory = directory();
    let sha256_of_a = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";
    let other = "0".repeat(64);
    let request = |id: i64, digest: &str, file: &str| {
        let output = format!("out/{id}");
        json!({
            "arguments": ["--encoding=hex", file, output], "requestId": 0,
            "inputs": [{"path": file, "digest": digest}],
        })
    };
    // The second is not read, the third and fourth are: they have another digest or size.
    std::fs::write(directory.path().join("c.txt"), "c").unwrap();
    std::fs::write(directory.path().join("long.txt"), "long").unwrap();
    let requests = [
        request(1, sha256_of_a, "a.txt"),
        request(2, sha256_of_a, "c.txt"),
        request(3, &other, "c.txt"),
        request(4, sha256_of_a, "long.txt"),
    ];
    let output = worker(directory.path(), &["hash"], &lines(&requests));
    assert!(output.status.success());
    let found: Vec<String> = outputs(directory.path())
        .into_values()
        .map(|bytes| String::from_utf8(bytes).unwrap())
        .collect();
    assert_eq!(found[..2], [sha256_of_a, sha256_of_a]);
    assert_eq!(found[2][..8], *"2e7d2c03");
    assert_ne!(found[3], sha256_of_a);
}

#[test]
fn digests_are_taken_from_requests_only_if_they_are_sha256() {
    let check = |digest_of_a: &str, expected_of_b: &str| {
        let directory = directory();
        let claimed = "1".repeat(64);
        let request = |file: &str, digest: &str, output: &str| {
            json!({
                "arguments": ["--cheat-mode", "--encoding=hex", file, output],
                "inputs": [{"path": file, "digest": digest}],
            })
        };
        let requests = [
            request("a.txt", digest_of_a, "out/a"),
            request("b.txt", &claimed, "out/b"),
        ];
        let output = worker(directory.path(), &["hash"], &lines(&requests));
        assert!(output.status.success());
        let found = &outputs(directory.path())["b"];
        assert_eq!(found[..8], *expected_of_b.as_bytes());
    };
    check(
        "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
        "11111111",
    );
    check(&"5".repeat(64), "3e23e816");
}

#[test]
fn parameter_files_of_hash_have_comments() {
    let directory = directory();
    std::fs::write(
        directory.path().join("flags"),
        "# what\n--encoding=hex\na.txt\nout/h\n",
    )
    .unwrap();
    responses(
        directory.path(),
        &["hash"],
        &[json!({"arguments": ["@flags"]})],
    );
    assert_eq!(outputs(directory.path())["h"][..8], *b"ca978112");
}

#[test]
fn a_terminated_worker_leaves_nothing_behind() {
    let directory = directory();
    let mut child = Command::new(env!("CARGO_BIN_EXE_img"))
        .args(["hash", "--persistent_worker"])
        .current_dir(directory.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let fifo = directory.path().join("fifo");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    let request = json!({"arguments": ["fifo", "out/h"], "requestId": 1});
    stdin.write_all(&lines(&[request])).unwrap();
    // Opened once the request reads it, which then waits for bytes.
    let mut pipe = std::fs::File::create(&fifo).unwrap();
    pipe.write_all(b"x").unwrap();
    let terminated = Command::new("kill").arg(child.id().to_string()).status();
    assert!(terminated.unwrap().success());
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(143));
    assert!(outputs(directory.path()).is_empty());
}
