//! The commands that build layers, as Bazel runs them: outputs, exit codes, messages, and nothing left behind.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod folder;

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use folder::hello;

#[test]
fn a_layer_and_its_metadata_are_the_contracts() {
    let folder = hello();
    folder.succeed(
        "layer --name //a:layer --add-from-file params --symlink bin/l=hello --annotation k=v \
         --compression-level 9 --metadata m.json out.tgz",
    );
    let blob = std::fs::read(folder.path("out.tgz")).unwrap();
    let expected = format!(
        r#"{{
  "name": "//a:layer",
  "diff_id": "sha256:dde5a6a5027a4e92e14737be784a03c0a91ef2af520a9377e1e9b305bd463341",
  "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
  "digest": "{}",
  "size": {},
  "annotations": {{
    "k": "v"
  }},
  "encoder": "gzip/1"
}}
"#,
        img_oci::Digest::sha256(&blob),
        blob.len()
    );
    assert_eq!(folder.read("m.json"), expected);
}

#[test]
fn flags_may_have_one_dash_and_stand_in_a_file() {
    let folder = hello();
    folder.succeed("layer --add bin/hello=hello --compressor-jobs 1 --format zstd a");
    folder.succeed("layer -add bin/hello=hello -compressor-jobs=nproc -format=zstd b");
    std::fs::write(
        folder.path("arguments"),
        "--add=bin/hello=hello\n--format\nzstd\nc\n",
    )
    .unwrap();
    folder.succeed("layer @arguments");
    let read = |name| std::fs::read(folder.path(name)).unwrap();
    assert_eq!((read("a"), read("a")), (read("b"), read("c")));
}

#[test]
fn the_output_name_tells_the_format_unless_a_flag_does() {
    let folder = hello();
    let media_type = |arguments: &str| -> String {
        folder.succeed(&format!(
            "layer --add a=hello --metadata m.json {arguments}"
        ));
        let metadata: serde_json::Value = serde_json::from_str(&folder.read("m.json")).unwrap();
        metadata["mediaType"]
            .as_str()
            .unwrap()
            .rsplit('.')
            .next()
            .unwrap()
            .to_owned()
    };
    assert_eq!(media_type("x.tar.zst"), "tar+zstd");
    assert_eq!(media_type("x.tgz"), "tar+gzip");
    assert_eq!(media_type("x.tar"), "tar");
    assert_eq!(media_type("x"), "tar+gzip");
    assert_eq!(media_type("--format none x.tgz"), "tar");
}

#[test]
fn an_executable_brings_its_runfiles() {
    let folder = hello();
    std::fs::write(folder.path("runfiles"), "_main/data\0fhello\n").unwrap();
    folder.succeed("layer --executable app/run=hello --runfiles hello=runfiles x.tar");
    let tar = folder.read("x.tar");
    assert!(tar.contains("app/run.runfiles/_main/data"));
    folder.refuse(
        "layer --executable app/run=hello --runfiles other=runfiles y.tar",
        &["img layer: runfiles are given for other, which no --executable names"],
    );
}

#[test]
fn layers_that_cannot_be_built_are_refused_and_leave_nothing() {
    let folder = hello();
    std::fs::write(folder.path("other"), "other\n").unwrap();
    let check = |arguments: &str, parts: &[&str]| {
        folder.refuse(
            &format!("layer --metadata m.json {arguments} out.tgz"),
            parts,
        );
    };
    check(
        "--add a=hello --add ./a=other",
        &["path `a`", "added twice", "hello", "other", "; remove one"],
    );
    check(
        "--add ../a=hello",
        &["path `../a`", "`..`", "; write the path relative"],
    );
    check("--add /a=hello", &["path `/a`", "absolute"]);
    check(
        "--add a=missing",
        &["cannot read missing for `a`", "No such file"],
    );
    check(
        "--add a=hello --file-metadata b={}",
        &["not in the layer: `b`", "; keys of `file_metadata`"],
    );
    check(
        r#"--add a=hello --file-metadata a={"mode":"rwx"}"#,
        &["metadata of `a`", "rwx", "octal"],
    );
    check(
        r#"--add a=hello --default-metadata {"mtime":"now"}"#,
        &["mtime", "now", "2026-01-31"],
    );
    check(
        r#"--add a=hello --default-metadata {"owner":"me"}"#,
        &["--default-metadata", "owner"],
    );
    check(
        "--add-from-file hello",
        &["cannot use hello", "line 1", "NUL"],
    );
    check("--add-from-file missing", &["cannot read missing"]);
    check(
        "--add a=hello --compression-level 10",
        &["level 10", "gzip", "0 to 9"],
    );
    check(
        "--add a=hello --annotations-file hello",
        &["cannot use hello", "KEY=VALUE"],
    );
    folder.refuse(
        "layer --add a=hello /dev/full",
        &["/dev/full", "No space left on device"],
    );
    folder.refuse(
        "layer --add a=hello missing/out.tgz",
        &["cannot write missing/out.tgz"],
    );
    folder.refuse("layer @missing", &["parameter file missing"]);
}

#[test]
fn wrong_usage_exits_with_two() {
    let folder = hello();
    for arguments in [
        "",
        "layer",
        "bogus",
        "layer --bogus x",
        "layer --format bogus x",
        "layer --compressor-jobs 0 x",
    ] {
        let output = folder.img(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments}");
        assert!(output.stdout.is_empty());
    }
    let help = folder.img("--help");
    assert_eq!(help.status.code(), Some(0));
    assert!(help.stderr.is_empty() && !help.stdout.is_empty());
}

#[test]
fn names_that_are_not_text_are_kept_byte_for_byte() {
    let folder = hello();
    let add = [b"--add=a\xff".as_slice(), b"=hello"].concat();
    let arguments = ["layer".into(), OsString::from_vec(add), "x.tar".into()];
    assert!(folder.img_with(arguments).status.success());
    let tar = std::fs::read(folder.path("x.tar")).unwrap();
    let record = b"11 path=a\xff\n";
    assert!(tar.windows(record.len()).any(|window| window == record));
}

#[test]
fn digests_come_in_every_encoding() {
    let folder = hello();
    let check = |arguments: &str, expected: &[u8]| {
        folder.succeed(&format!("hash {arguments} hello out"));
        assert_eq!(
            std::fs::read(folder.path("out")).unwrap(),
            expected,
            "{arguments}"
        );
    };
    let digest = img_oci::Digest::sha256(b"hello\n");
    check("", &digest.to_bytes());
    check("--encoding hex", digest.hex().as_bytes());
    check("--encoding oci-digest", digest.to_string().as_bytes());
    check(
        "--encoding sri",
        b"sha256-WJG1tSLV3whtD/CxEPvZ0hu0/HFjrzTQgoai6Eb2vgM=",
    );
    let sha512 = img_oci::Digest::of(img_oci::Algorithm::Sha512, b"hello\n");
    check("--digest sha512 --encoding hex", sha512.hex().as_bytes());
}

#[test]
fn a_tar_is_described_by_its_content_and_not_by_its_name() {
    let folder = hello();
    for (format, media_type) in [("none", "tar"), ("gzip", "tar+gzip"), ("zstd", "tar+zstd")] {
        folder.succeed(&format!(
            "layer --name n --add a=hello --format {format} --metadata m layer"
        ));
        folder.succeed("hash --encoding layer-metadata --name n layer described");
        let encoder = format!(",\n  \"encoder\": \"{format}/1\"");
        assert_eq!(
            folder.read("described"),
            folder.read("m").replace(&encoder, "")
        );
        assert!(
            folder
                .read("m")
                .contains(&format!("layer.v1.{media_type}\""))
        );
    }
    folder.refuse(
        "hash --encoding layer-metadata --media-type application/vnd.oci.image.layer.v1.tar layer out",
        &["cannot describe layer", "layer.v1.tar`", "compressed by zstd"],
    );
    folder.succeed("hash --encoding layer-metadata --media-type x/y --annotation k=v layer out");
    assert!(folder.read("out").contains(r#""mediaType": "x/y""#));
    let whole = std::fs::read(folder.path("layer")).unwrap();
    std::fs::write(folder.path("cut"), &whole[..whole.len() - 1]).unwrap();
    folder.refuse(
        "hash --encoding layer-metadata cut out2",
        &["cannot describe cut as a layer"],
    );
}

#[test]
fn archives_are_imported_compressed_anew_and_described() {
    let folder = hello();
    folder.succeed("layer --add-from-file params --format none in.tar");
    let tar = std::fs::read(folder.path("in.tar")).unwrap();
    let diff_id = img_oci::Digest::sha256(&tar).to_string();
    for (format, name) in [
        ("gzip", "out.tgz"),
        ("zstd", "out.tar.zst"),
        ("none", "out.tar"),
    ] {
        for single in ["", "--single-member"] {
            folder.succeed(&format!(
                "compress -format {format} {single} --source-format none --annotation k=v --encoder-annotation \
                 --metadata=m.json --name //a:b --member-cache {} in.tar {name}",
                folder.path("cache").display()
            ));
            let suffix = if single.is_empty() || format == "none" {
                ""
            } else {
                "-single"
            };
            let metadata = folder.read("m.json");
            let says = [
                format!("{{\"name\":\"//a:b\",\"diff_id\":\"{diff_id}\""),
                format!("\"dev.rules-img.layer.encoder\":\"{format}{suffix}/1\",\"k\":\"v\""),
                format!("\"encoder\":\"{format}{suffix}/1\"}}"),
            ];
            assert!(
                says.iter().all(|part| metadata.contains(part)),
                "{metadata}"
            );
            folder.succeed(&format!("hash --encoding layer-metadata {name} h.json"));
            assert!(folder.read("h.json").contains(&diff_id));
            folder.succeed(&format!(
                "layer --import-tar {name} --format none again.tar"
            ));
            assert_eq!(std::fs::read(folder.path("again.tar")).unwrap(), tar);
        }
    }
    std::fs::write(folder.path("cut.tar"), &tar[..700]).unwrap();
    std::fs::write(folder.path("no.tar"), "text").unwrap();
    let says = ["in the middle of an entry", "bin/hello"];
    folder.refuse(
        "compress --metadata m2.json cut.tar x.tgz",
        &["img compress: ", says[0], says[1]],
    );
    folder.refuse(
        "layer --import-tar cut.tar x.tgz",
        &["img layer: ", "cut.tar", says[0]],
    );
    folder.refuse(
        "hash --encoding layer-metadata cut.tar x",
        &["img hash: ", "cut.tar", says[0]],
    );
    folder.refuse(
        "hash --encoding layer-metadata no.tar x",
        &["no.tar", "middle of an entry"],
    );
    folder.refuse(
        "compress --source-format gzip in.tar x.tgz",
        &["in.tar", "gzip", "none"],
    );
    folder.refuse(
        "compress --media-type application/vnd.oci.image.layer.v1.tar in.tar x.tgz",
        &["compressed by gzip"],
    );
    folder
        .succeed("hash --encoding layer-metadata --media-type application/x-text no.tar any.json");
}

#[test]
fn the_member_cache_does_not_show() {
    let folder = hello();
    let cache = folder.path("cache").display().to_string();
    folder.succeed("layer --add-from-file params plain.tgz");
    for _ in 0..3 {
        folder.succeed(&format!(
            "layer --name x --member-cache {cache} --member-cache-size 1 --add-from-file params kept.tgz"
        ));
        assert_eq!(
            std::fs::read(folder.path("plain.tgz")).unwrap(),
            std::fs::read(folder.path("kept.tgz")).unwrap()
        );
    }
    folder.refuse(
        "layer --member-cache hello/cache --add-from-file params x.tgz",
        &["hello/cache", "member cache"],
    );
}

#[test]
fn lazily_pullable_layers_have_their_annotations() {
    let folder = hello();
    let key = "containerd.io/snapshot/stargz/toc.digest";
    for (format, more) in [
        ("gzip", None),
        ("zstd", Some("zstd-chunked.manifest-position")),
    ] {
        folder.succeed(&format!(
            "layer --add-from-file params --format {format} --estargz --annotation {key}=mine --metadata m.json lazy"
        ));
        let metadata = folder.read("m.json");
        let digest = img_oci::Digest::sha256(&std::fs::read(folder.path("lazy")).unwrap());
        assert!(metadata.contains(&digest.to_string()), "{metadata}");
        assert!(
            metadata.contains(key) && !metadata.contains("mine"),
            "{metadata}"
        );
        assert!(
            metadata.contains(&format!("\"encoder\": \"estargz-{format}/1\"")),
            "{metadata}"
        );
        assert!(
            more.is_none_or(|more| metadata.contains(more)),
            "{metadata}"
        );
        folder.succeed("hash --encoding layer-metadata lazy h.json");
        let diff_id = |text: &str| {
            text.lines()
                .find(|line| line.contains("diff_id"))
                .map(str::to_owned)
        };
        assert_eq!(
            diff_id(&folder.read("h.json")),
            diff_id(&metadata),
            "of what a reader gets"
        );
        folder.succeed(&format!(
            "compress --format {format} --estargz --metadata c.json lazy again"
        ));
        assert!(folder.read("c.json").contains(&digest.to_string()));
    }
    folder.refuse(
        "layer --add-from-file params --format none --estargz x",
        &["is not compressed", "or leave eStargz off"],
    );
}

#[test]
fn a_content_manifest_lists_what_a_layer_has() {
    let folder = hello();
    let cache = folder.path("cache").display().to_string();
    for more in [String::new(), format!("--member-cache {cache}")] {
        folder.succeed(&format!(
            "layer --add-from-file params {more} --content-manifest c x.tgz"
        ));
        let digest = img_oci::Digest::sha256(b"hello\n");
        assert_eq!(folder.read("c"), format!("{digest} 6\n"));
    }
    std::fs::write(folder.path("all"), "c\n").unwrap();
    folder
        .succeed("layer --add-from-file params --deduplicate c --deduplicate-collection all y.tgz");
    assert_eq!(
        std::fs::read(folder.path("x.tgz")).unwrap(),
        std::fs::read(folder.path("y.tgz")).unwrap()
    );
    folder.refuse(
        "layer --deduplicate hello z.tgz",
        &["cannot use hello", "line 1 is `hello`"],
    );
    folder.refuse(
        "layer --deduplicate-collection params z.tgz",
        &["cannot read"],
    );
}

#[test]
fn what_no_reader_could_take_is_refused() {
    let folder = hello();
    folder.refuse("layer --symlink a= o.tgz", &["`a`", "target is empty"]);
    let metadata = [
        (r#"{"uid":4294967296}"#, "uid is above 4294967295"),
        (r#"{"gname":"a\u0000b"}"#, "gname holds a NUL byte"),
    ];
    for (json, part) in metadata {
        folder.refuse(
            &format!("layer --add a=hello --file-metadata a={json} o.tgz"),
            &["metadata of `a`", part],
        );
    }
    let deep = "d/".repeat(3000);
    let arguments = ["layer", &format!("--add={deep}f=hello"), "o.tgz"].map(Into::into);
    let output = folder.img_with(arguments);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        text.contains("longer than any system unpacks") && text.len() < 500,
        "{text}"
    );
}

#[test]
fn a_file_that_was_empty_is_not_stored_without_its_content() {
    // Files of /proc have no size and content all the same.
    hello().refuse(
        "layer --add a=/proc/version o.tar",
        &["/proc/version changed"],
    );
}

#[test]
fn two_outputs_have_two_places() {
    let folder = hello();
    folder.refuse(
        "layer --add a=hello --metadata o.tgz o.tgz",
        &["cannot write o.tgz", "give each a path of its own"],
    );
    folder.refuse(
        "layer --add a=hello --metadata ./o.tgz o.tgz",
        &["cannot write", "give each a path of its own"],
    );
    folder.refuse(
        "layer --add a=hello --metadata m --content-manifest m o.tgz",
        &["cannot write m", "give each a path of its own"],
    );
}

#[test]
fn zeros_behind_an_archive_take_no_memory() {
    let folder = hello();
    folder.succeed("layer --add a=hello --format none a.tar");
    let mut tar = std::fs::read(folder.path("a.tar")).unwrap();
    tar.resize(20 << 20, 0);
    std::fs::write(folder.path("long.tar"), &tar).unwrap();
    folder.succeed("compress --compression-level 1 long.tar long.tgz");
    let blob = std::fs::read(folder.path("long.tgz")).unwrap();
    let members = blob
        .windows(4)
        .filter(|window| *window == [0x1f, 0x8b, 8, 0])
        .count();
    assert!(members >= 5, "{members}");
    folder.succeed("hash --encoding hex long.tar digest");
    let diff_id = folder.read("digest");
    folder.succeed("hash --encoding layer-metadata long.tgz metadata");
    assert!(folder.read("metadata").contains(&diff_id));
}

#[test]
fn trees_of_which_one_stands_in_the_other_are_no_symlinks() {
    let folder = hello();
    for tree in ["one", "two"] {
        std::fs::create_dir(folder.path(tree)).unwrap();
        std::fs::write(folder.path(tree).join("f"), "x").unwrap();
    }
    for lines in ["a\0done\na/sub\0dtwo\n", "a/sub\0done\na\0dtwo\n"] {
        std::fs::write(folder.path("trees"), lines.replace("\\0", "\0")).unwrap();
        folder.succeed(
            "layer --add-from-file trees --layer-tree-artifact-handling deduplicate_symlink o.tar",
        );
    }
}

#[test]
fn inputs_are_files_and_texts_are_utf_8() {
    let folder = hello();
    let pipe = std::process::Command::new("mkfifo")
        .arg(folder.path("pipe"))
        .status();
    assert!(pipe.unwrap().success());
    folder.refuse(
        "layer --import-tar pipe o.tgz",
        &["cannot import pipe", "expected a file"],
    );
    std::fs::write(folder.path("annotations"), b"k=\xff\n").unwrap();
    folder.refuse(
        "layer --add a=hello --annotations-file annotations o.tgz",
        &["cannot use annotations", "expected UTF-8"],
    );
}
