//! Layouts as they are written and read back.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::{Path, PathBuf};

use img_layout::{
    BlobLinking, ImageFiles, ImageName, LayerFile, LayoutOptions, LayoutReader, ManifestFiles,
    plan_layout, write_directory, write_tar,
};
use img_oci::{Digest, media_type};
use tempfile::TempDir;

/// An image of one layer in files, and its documents.
struct Image {
    folder: TempDir,
    manifest: String,
}

impl Image {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let descriptor = |media_type: &str, bytes: &str| {
            let (digest, size) = (Digest::sha256(bytes.as_bytes()), bytes.len());
            format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":{size}}}"#)
        };
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"{}","config":{},"layers":[{}],"annotations":{{"k":"v"}}}}"#,
            media_type::OCI_MANIFEST,
            descriptor(media_type::OCI_CONFIG, "{}"),
            descriptor(media_type::OCI_LAYER_GZIP, "layer"),
        );
        let index = format!(
            r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[{}]}}"#,
            media_type::OCI_INDEX,
            descriptor(media_type::OCI_MANIFEST, &manifest)
        );
        for (name, text) in [
            ("m", manifest.as_str()),
            ("c", "{}"),
            ("l", "layer"),
            ("i", &index),
        ] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        Self { folder, manifest }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn manifest_files(&self) -> ManifestFiles {
        ManifestFiles {
            manifest: self.path("m"),
            config: self.path("c"),
        }
    }

    fn layers(&self) -> Vec<LayerFile> {
        vec![LayerFile {
            digest: Digest::sha256(b"layer"),
            blob: self.path("l"),
        }]
    }
}

fn blob(layout: &Path, bytes: &[u8]) -> PathBuf {
    layout
        .join("blobs/sha256")
        .join(Digest::sha256(bytes).hex())
}

#[test]
fn a_manifest_is_wrapped_and_an_index_is_kept() {
    let image = Image::new();
    let single = ImageFiles::Manifest(image.manifest_files());
    let several = ImageFiles::Index {
        index: image.path("i"),
        manifests: vec![image.manifest_files()],
    };
    for (name, files) in [("single", single), ("several", several)] {
        let plan = plan_layout(&files, &image.layers(), &LayoutOptions::default()).unwrap();
        let layout = image.path(name);
        write_directory(&layout, &plan, BlobLinking::HardLink).unwrap();
        let reader = LayoutReader::open(&layout).unwrap();
        let (bytes, read) = reader.index().unwrap();
        let index = &plan.documents[1].1;
        assert_eq!(bytes, *index);
        let [descriptor] = read.manifests.as_slice() else {
            panic!("expected one manifest")
        };
        assert!(descriptor.platform.is_none());
        assert_eq!(descriptor.annotations.contains_key("k"), name == "single");
        assert_eq!(
            reader.read_small(descriptor).unwrap(),
            image.manifest.as_bytes()
        );
        for bytes in [b"{}".as_slice(), b"layer", image.manifest.as_bytes()] {
            assert_eq!(std::fs::read(blob(&layout, bytes)).unwrap(), bytes);
        }
        let is_index = *index == std::fs::read(image.path("i")).unwrap();
        assert_eq!(is_index, name == "several");
    }
}

#[test]
fn a_tar_holds_directories_documents_and_blobs_in_this_order() {
    let image = Image::new();
    let files = ImageFiles::Manifest(image.manifest_files());
    let plan = plan_layout(&files, &image.layers(), &LayoutOptions::default()).unwrap();
    let mut bytes = Vec::new();
    write_tar(&mut bytes, Path::new("out.tar"), &plan).unwrap();
    let mut archive = tar::Archive::new(bytes.as_slice());
    let names: Vec<String> = archive
        .entries()
        .unwrap()
        .map(|entry| {
            entry
                .unwrap()
                .path()
                .unwrap()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    let mut digests = [b"{}".as_slice(), b"layer", image.manifest.as_bytes()].map(Digest::sha256);
    digests.sort();
    let expected: Vec<String> = ["blobs/", "blobs/sha256/", "oci-layout", "index.json"]
        .map(str::to_owned)
        .into_iter()
        .chain(
            digests
                .iter()
                .map(|digest| format!("blobs/sha256/{}", digest.hex())),
        )
        .collect();
    assert_eq!(names, expected);
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    let image = Image::new();
    let files = ImageFiles::Manifest(image.manifest_files());
    let plan = |layers: &[LayerFile], allow_missing_blobs| {
        plan_layout(
            &files,
            layers,
            &LayoutOptions {
                allow_missing_blobs,
                docker_names: None,
            },
        )
        .map(|plan| plan.blobs.len())
        .map_err(|error| error.to_string())
    };
    let layer = Digest::sha256(b"layer");
    let missing = plan(&[], false).unwrap_err();
    assert!(
        missing.contains(&format!("names layer {layer}, which is not among")),
        "{missing}"
    );
    assert_eq!(plan(&[], true), Ok(2));
    std::fs::write(image.path("l"), "longer layer").unwrap();
    let size = plan(&image.layers(), false).unwrap_err();
    assert!(size.contains("has 12 bytes, expected 5 for blob"), "{size}");
    std::fs::write(image.path("c"), "{ }").unwrap();
    let config = plan(&image.layers(), false).unwrap_err();
    assert!(config.contains("names config sha256:"), "{config}");
}

#[test]
fn a_corrupt_blob_is_not_returned() {
    let image = Image::new();
    let files = ImageFiles::Manifest(image.manifest_files());
    let plan = plan_layout(&files, &image.layers(), &LayoutOptions::default()).unwrap();
    let layout = image.path("layout");
    write_directory(&layout, &plan, BlobLinking::HardLink).unwrap();
    let path = blob(&layout, image.manifest.as_bytes());
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, image.manifest.replace("\"k\"", "\"j\"")).unwrap();
    let reader = LayoutReader::open(&layout).unwrap();
    let descriptor = reader.index().unwrap().1.manifests.remove(0);
    let error = reader.read_small(&descriptor).unwrap_err().to_string();
    assert!(error.contains("is corrupt: expected"), "{error}");
}

#[test]
fn other_directories_are_not_layouts() {
    let folder = tempfile::tempdir().unwrap();
    assert!(LayoutReader::open(folder.path()).is_err());
    std::fs::write(
        folder.path().join("oci-layout"),
        r#"{"imageLayoutVersion":"2.0.0"}"#,
    )
    .unwrap();
    let error = LayoutReader::open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("expected 1.0.0"), "{error}");
}

#[test]
fn docker_finds_every_runnable_image_by_its_names() {
    let image = Image::new();
    let manifest = |options: &LayoutOptions, files: ImageFiles| {
        let plan = plan_layout(&files, &image.layers(), options).unwrap();
        let text = |name: &str| {
            let document = plan.documents.iter().find(|(found, _)| *found == name);
            String::from_utf8(document.unwrap().1.clone()).unwrap()
        };
        (text("index.json"), text("manifest.json"))
    };
    let names = ["hello", "registry.example:5000/team/hello:v1"];
    let options = LayoutOptions {
        docker_names: Some(names.map(|name| ImageName::parse(name).unwrap()).to_vec()),
        ..LayoutOptions::default()
    };
    let (index, json) = manifest(&options, ImageFiles::Manifest(image.manifest_files()));
    let blob = |bytes: &[u8]| format!("blobs/sha256/{}", Digest::sha256(bytes).hex());
    let (config, layer) = (blob(b"{}"), blob(b"layer"));
    assert_eq!(
        json,
        format!(
            r#"[{{"Config":"{config}","RepoTags":["hello:latest","registry.example:5000/team/hello:v1"],"Layers":["{layer}"]}}]"#
        )
    );
    for part in [
        r#""io.containerd.image.name":"docker.io/library/hello:latest""#,
        r#""org.opencontainers.image.ref.name":"latest""#,
        r#""io.containerd.image.name":"registry.example:5000/team/hello:v1""#,
    ] {
        assert!(index.contains(part), "{index}");
    }
    let options = LayoutOptions {
        docker_names: Some(Vec::new()),
        ..LayoutOptions::default()
    };
    let files = ImageFiles::Index {
        index: image.path("i"),
        manifests: vec![image.manifest_files()],
    };
    let (_, json) = manifest(&options, files);
    assert!(json.contains(r#""RepoTags":null"#), "{json}");
    assert!(ImageName::parse("Not A Name").is_err());
}
