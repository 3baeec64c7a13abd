//! The golden files of the wire: read by the types, and written back to the same bytes.

use std::fs;

use img_wire::{
    ConfigTemplates, DeployManifest, EntryType, FileMetadata, LaunchDescription, LayerMetadata,
    PushConfiguration, parse_added_files, parse_key_values, parse_symlinks,
};

use crate::project::{read, root};

fn golden(name: &str) -> Vec<u8> {
    fs::read(root().join("testdata/wire").join(name)).unwrap()
}

#[test]
fn what_img_writes_has_the_bytes_of_the_golden_file() {
    let check = |name: &str, written: Vec<u8>| {
        assert_eq!(
            String::from_utf8(written).unwrap(),
            read(format!("testdata/wire/{name}"))
        );
    };
    let metadata = LayerMetadata::parse(&golden("layer_metadata.json")).unwrap();
    check("layer_metadata.json", metadata.to_bytes());
    let manifest = DeployManifest::parse(&golden("deploy_manifest.json")).unwrap();
    check("deploy_manifest.json", manifest.to_bytes());
}

#[test]
fn what_rules_write_is_understood() {
    let configuration = PushConfiguration::parse(&golden("configuration.json")).unwrap();
    assert_eq!(configuration.tags, ["latest", "v1"]);
    let templates = ConfigTemplates::parse(&golden("config_templates.json")).unwrap();
    assert_eq!(templates.env.unwrap()["VERSION"], "1.2.3");
    let launch = LaunchDescription::parse(&golden("launch.json")).unwrap();
    assert_eq!(launch.args.first().unwrap(), "deploy");
    let metadata = FileMetadata::parse(&golden("file_metadata.json")).unwrap();
    assert_eq!(metadata.mode_bits(), Ok(Some(0o640)));
}

#[test]
fn lines_are_split_into_their_fields() {
    let bytes = golden("param_file.added.params");
    let added: Vec<_> = parse_added_files(&bytes).map(Result::unwrap).collect();
    let kinds: Vec<_> = added.iter().map(|file| file.entry_type).collect();
    assert_eq!(
        kinds,
        [EntryType::File, EntryType::Directory, EntryType::Symlink]
    );
    let bytes = golden("param_file.symlinks.params");
    let symlinks: Vec<_> = parse_symlinks(&bytes).map(Result::unwrap).collect();
    assert_eq!(symlinks[0].target, b"/app/server");
    let pairs = parse_key_values(&golden("key_values.txt")).unwrap();
    assert_eq!(pairs["org.example.query"], "a=b");
}
