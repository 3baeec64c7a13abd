//! The commands that build images of layers, as Bazel runs them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod folder;

use folder::{Folder, hello, stderr};

/// Builds an image of one layer: `m.json`, `layer.tgz`, `manifest`, `config`, `descriptor`.
fn image(folder: &Folder, arguments: &str) {
    folder.succeed("layer --add-from-file params --metadata m.json layer.tgz");
    folder.succeed(&format!(
        "manifest --layer-from-metadata m.json --manifest manifest --config config \
         --descriptor descriptor --digest digest {arguments}"
    ));
}

#[test]
fn an_image_goes_through_all_build_commands() {
    let folder = hello();
    image(
        &folder,
        "--architecture arm64 --entrypoint /bin/hello --cmd -x --cmd @y --env B=2 --env A=1 --user 7 \
         --working-dir /w --label l=1 --annotation a=2 --stop-signal SIGINT",
    );
    assert_eq!(
        folder.read("config").split(r#","rootfs""#).next().unwrap(),
        r#"{"architecture":"arm64","os":"linux","variant":"v8","config":{"User":"7","Env":["A=1","B=2"],"Entrypoint":["/bin/hello"],"Cmd":["-x","@y"],"WorkingDir":"/w","Labels":{"l":"1"},"StopSignal":"SIGINT"}"#
    );
    let manifest = folder.read("manifest");
    assert_eq!(
        folder.read("digest"),
        img_oci::Digest::sha256(manifest.as_bytes()).to_string()
    );
    assert!(folder.read("descriptor").ends_with(
        r#""annotations":{"a":"2"},"platform":{"architecture":"arm64","os":"linux","variant":"v8"}}"#
    ));
    folder.succeed(
        "index --manifest-descriptor descriptor --annotation i=3 --digest index.digest index",
    );
    folder.succeed(
        "oci-layout --index index --manifest-path manifest --config-path config \
         --layer m.json=layer.tgz --output layout",
    );
    let output = folder.img("inspect layout");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", stderr(&output));
    for part in [
        "linux/arm64/v8",
        "/bin/hello",
        "twice = bin/hello",
        "tar+gzip",
    ] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn an_image_for_another_platform_than_its_base_is_refused() {
    let folder = hello();
    image(&folder, "--architecture arm64");
    let base = "--base-manifest manifest --base-config config --base-descriptor descriptor";
    folder.refuse(
        &format!("manifest {base} --architecture amd64 --manifest out --config out2"),
        &[
            "the base is for linux/arm64/v8",
            "runs on linux/amd64",
            "; build for the base's platform",
        ],
    );
    folder.succeed(&format!(
        "manifest {base} --architecture arm64 --manifest on-top"
    ));
    let digest = folder.read("digest");
    assert!(folder.read("on-top").contains(&format!(
        r#""org.opencontainers.image.base.digest":"{digest}""#
    )));
    std::fs::write(folder.path("config"), "{}").unwrap();
    folder.refuse(
        &format!("manifest {base} --architecture arm64 --manifest out"),
        &[
            "cannot use the base of manifest and config: the config of the base has digest",
            "as its manifest says",
        ],
    );
}

#[test]
fn documents_that_cannot_be_used_are_refused() {
    let folder = hello();
    image(&folder, "");
    folder.refuse(
        "index --manifest-descriptor hello out",
        &["descriptor 0", "malformed JSON"],
    );
    folder.refuse(
        "index --manifest-descriptor missing out",
        &["cannot read missing"],
    );
    folder.refuse(
        "manifest --layer-from-metadata hello --manifest out",
        &["cannot use hello"],
    );
    folder.refuse(
        "manifest --config-fragment hello --manifest out",
        &["cannot use hello"],
    );
    folder.refuse(
        "manifest --created hello --manifest out",
        &["created is `hello`"],
    );
    folder.refuse(
        "inspect hello",
        &["cannot inspect `hello`", "cannot read hello/oci-layout"],
    );
    folder.refuse(
        "inspect A//b",
        &[
            "cannot inspect `A//b`",
            "nor a reference",
            "not a repository",
        ],
    );
    folder.refuse(
        "oci-layout --manifest manifest --config config --output layout",
        &[
            "names layer sha256:",
            "; the base is shallow",
            "settings:shallow_oci_layout=",
        ],
    );
}

#[test]
fn a_layout_takes_nobody_elses_place() {
    let folder = hello();
    image(&folder, "");
    let write = "oci-layout --manifest manifest --config config --layer m.json=layer.tgz";
    folder.succeed(&format!("{write} --output layout"));
    let layer = std::fs::read(folder.path("layer.tgz")).unwrap();
    folder.refuse(
        &format!("{write} --output layout"),
        &["cannot write layout", "not empty"],
    );
    folder.refuse(
        "oci-layout --manifest manifest --config config --output layout",
        &["names layer sha256:"],
    );
    assert_eq!(std::fs::read(folder.path("layer.tgz")).unwrap(), layer);
    assert!(folder.img("inspect layout").status.success());
}

#[test]
fn a_corrupt_layer_is_found() {
    let folder = hello();
    image(&folder, "");
    folder.succeed(
        "oci-layout --manifest manifest --config config --layer m.json=layer.tgz --output layout",
    );
    let blob = std::fs::read(folder.path("layer.tgz")).unwrap();
    let digest = img_oci::Digest::sha256(&blob);
    let path = folder.path("layout/blobs/sha256").join(digest.hex());
    let mut corrupt = blob.clone();
    corrupt[blob.len() / 2] ^= 1;
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, corrupt).unwrap();
    folder.refuse("inspect layout", &["cannot inspect `layout`", digest.hex()]);
}

#[test]
fn every_field_of_the_config_has_a_flag() {
    let folder = hello();
    let files = [
        ("env", "A=file\n\nZ=1\n"),
        ("labels", "l=1\nm=1\n"),
        ("more-labels", r#"{"m": "2", "n": "3"}"#),
        ("created", "2026-01-31T12:00:00Z\n"),
    ];
    for (name, text) in files {
        std::fs::write(folder.path(name), text).unwrap();
    }
    image(
        &folder,
        r#"--env-file env --env A=flag --label-file labels --label-file more-labels --label n=flag
           --exposed-port 80 --exposed-port 53-54/udp --volume /data --shell /bin/bash --shell -c
           --on-build RUN --author Alice --created created
           --healthcheck {"test":["CMD","/ok"],"interval":"30s"}"#,
    );
    let created = r#""created":"2026-01-31T12:00:00Z""#;
    let config = folder.read("config");
    let (before, rootfs) = config.split_once(r#","rootfs""#).unwrap();
    assert_eq!(
        before,
        format!(
            r#"{{{created},"author":"Alice","architecture":"amd64","os":"linux","config":{{"ExposedPorts":{{"53/udp":{{}},"54/udp":{{}},"80/tcp":{{}}}},"Env":["A=flag","Z=1"],"Volumes":{{"/data":{{}}}},"Labels":{{"l":"1","m":"2","n":"flag"}},"Healthcheck":{{"Interval":30000000000,"Test":["CMD","/ok"]}},"OnBuild":["RUN"],"Shell":["/bin/bash","-c"]}}"#
        )
    );
    let name = img_oci::Digest::sha256(&std::fs::read(folder.path("layer.tgz")).unwrap());
    let entry = format!(r#""history":[{{{created},"created_by":"{name}"}}]}}"#);
    assert!(rootfs.ends_with(&entry), "{rootfs}");
    let refuse = |flag: &str, text: &str| folder.refuse(&format!("manifest {flag}"), &[text]);
    refuse(r#"--healthcheck {"test":["RUN"]}"#, "begins with `RUN`");
    refuse(
        "--env-file labels --label-file created",
        "cannot use created: line 1",
    );
    for wrong in ["--exposed-port 80/icmp", "--clear env"] {
        assert_eq!(
            folder.img(&format!("manifest {wrong}")).status.code(),
            Some(2)
        );
    }
}

#[test]
fn what_the_base_says_is_inherited_cleared_or_spliced() {
    let folder = hello();
    image(&folder, "--user 7 --entrypoint /e --cmd c --working-dir /w");
    let on_top = |flags: &str| {
        folder.succeed(&format!(
            "manifest --base-manifest manifest --base-config config --config out {flags}"
        ));
        let config = folder.read("out");
        let start = config.find(r#""config":"#).unwrap();
        config[start..config.find(r#","rootfs""#).unwrap()].to_owned()
    };
    assert_eq!(
        on_top("--clear user --clear cmd"),
        r#""config":{"Entrypoint":["/e"],"WorkingDir":"/w"}"#
    );
    assert_eq!(
        on_top("--entrypoint /init --entrypoint <inherit> --cmd <inherit>"),
        r#""config":{"User":"7","Entrypoint":["/init","/e"],"Cmd":["c"],"WorkingDir":"/w"}"#
    );
    assert_eq!(
        on_top("--entrypoint /init"),
        r#""config":{"User":"7","Entrypoint":["/init"],"WorkingDir":"/w"}"#
    );
}

#[test]
fn expanded_templates_stand_in_place_of_flags() {
    let folder = hello();
    let templates = r#"{"env":{"A":"{}"},"annotations":{"a":"x"}}"#;
    std::fs::write(folder.path("templates"), templates).unwrap();
    image(
        &folder,
        "--env B=1 --label l=flag --annotation b=1 --config-templates templates",
    );
    let config = folder.read("config");
    assert!(
        config.contains(r#""config":{"Env":["A={}"],"Labels":{"l":"flag"}}"#),
        "{config}"
    );
    assert!(
        folder
            .read("manifest")
            .ends_with(r#""annotations":{"a":"x"}}"#)
    );
    folder.succeed(
        "index --manifest-descriptor descriptor --annotation b=1 --config-templates templates \
         --subject manifest index",
    );
    let index = folder.read("index");
    let end = r#""subject":{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":""#;
    assert!(
        index.contains(end) && index.ends_with(r#"},"annotations":{"a":"x"}}"#),
        "{index}"
    );
}

#[test]
fn an_artifact_has_the_config_it_is_given() {
    let folder = hello();
    let build = |flags: &str| {
        folder.succeed(&format!(
            "manifest --manifest manifest --config config --descriptor descriptor {flags}"
        ));
        folder.read("manifest")
    };
    let manifest =
        build("--config-media-type application/vnd.oci.empty.v1+json --artifact-type a/b");
    assert!(manifest.contains(
        r#""artifactType":"a/b","config":{"mediaType":"application/vnd.oci.empty.v1+json""#
    ));
    assert_eq!(folder.read("config"), "{}");
    assert!(
        folder
            .read("descriptor")
            .ends_with(r#""artifactType":"a/b"}"#)
    );
    std::fs::write(folder.path("fragment"), "{ }").unwrap();
    build("--config-media-type a/c --config-fragment fragment");
    assert_eq!(folder.read("config"), "{ }");
    folder.refuse(
        "manifest --config-media-type a/c --manifest out",
        &["the config is to be `a/c`, and there is none; give it as `config_fragment`"],
    );
}

#[test]
fn an_image_is_saved_for_docker() {
    let folder = hello();
    image(&folder, "");
    std::fs::write(folder.path("configuration"), r#"{"tags":["b:2","a"]}"#).unwrap();
    let save = "docker-save --manifest manifest --config config --layer m.json=layer.tgz";
    folder.succeed(&format!(
        "{save} --repo-tag b:2 --configuration-file configuration --output saved.tar"
    ));
    let saved = std::fs::read(folder.path("saved.tar")).unwrap();
    let text = String::from_utf8_lossy(&saved);
    assert!(text.contains(r#""RepoTags":["a:latest","b:2"]"#));
    let printed = folder.img(&format!("{save} --repo-tag b:2 --repo-tag a --output -"));
    assert_eq!(printed.stdout, saved);
    folder.succeed(&format!("{save} --format directory --output saved"));
    assert!(
        folder
            .read("saved/manifest.json")
            .contains(r#""RepoTags":null"#)
    );
    folder.refuse(
        &format!("{save} --repo-tag A! --output other.tar"),
        &["cannot name an image `A!`"],
    );
}
