//! `img inspect`: what is in an image, every byte verified.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use futures_util::future::BoxFuture;
use img_inspect::{Depth, ImageReport, ImageSource, InspectError, inspect};
use img_layout::{LayoutReader, ReadLayoutError};
use img_oci::{Descriptor, ParseReferenceError, Reference, TagOrDigest};
use img_registry::{FetchManifestError, RepositoryClient};
use img_store::{BlobSource, FileSource, OpenBlob, ReadBlobError};
use thiserror::Error;

use crate::failure::{Failure, Outcome};
use crate::progress::Progress;
use crate::{input, network, render};

/// The arguments of `img inspect`.
#[derive(Args)]
pub(crate) struct InspectArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Read manifests and configs only: layers are neither verified nor listed
    #[arg(long)]
    no_files: bool,
    /// Speak plain HTTP with registries on other machines, too
    #[arg(long)]
    insecure: bool,
    /// Reference of an image in a registry, or path of an OCI layout
    #[arg(value_name = "REF|LAYOUT")]
    image: String,
}

#[derive(Debug, Error)]
enum InspectImageError {
    #[error("cannot inspect `{image}`: it is neither an OCI layout on disk nor a reference")]
    Reference {
        image: String,
        source: ParseReferenceError,
    },
    #[error("cannot inspect `{image}`")]
    Layout {
        image: String,
        source: ReadLayoutError,
    },
    #[error("cannot inspect `{image}`")]
    Registry {
        image: String,
        source: FetchManifestError,
    },
    #[error("cannot inspect `{image}`")]
    Image { image: String, source: InspectError },
    #[error("cannot start reading `{image}`")]
    Runtime { image: String, source: io::Error },
    #[error("cannot print what is in `{image}`")]
    Print { image: String, source: io::Error },
}

/// Prints what is in the image.
pub(crate) fn run(args: &InspectArgs) -> Outcome {
    let image = args.image.clone();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|source| InspectImageError::Runtime {
        image: image.clone(),
        source,
    })?;
    let report = runtime.block_on(read(args))?;
    let text = if args.json {
        serde_json::to_string_pretty(&report)? + "\n"
    } else {
        render::image(&args.image, &report)
    };
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
        .map_err(|source| InspectImageError::Print { image, source })?;
    Ok(())
}

async fn read(args: &InspectArgs) -> Result<ImageReport, Failure> {
    let path = &input::user_path(Path::new(&args.image));
    let (source, root, bytes): (Box<dyn ImageSource>, _, _) = if path.exists() {
        let (layout, root, bytes) = open_layout(path).map_err(|source| {
            let image = args.image.clone();
            InspectImageError::Layout { image, source }
        })?;
        (Box::new(layout), root, bytes)
    } else {
        let (repository, root, bytes) = open_reference(args).await?;
        (Box::new(repository), root, bytes)
    };
    let depth = if args.no_files {
        Depth::Documents
    } else {
        Depth::Files
    };
    let report = inspect(source.as_ref(), &root, &bytes, depth).await;
    report.map_err(|source| {
        InspectImageError::Image {
            image: args.image.clone(),
            source,
        }
        .into()
    })
}

/// A layout on disk.
struct Layout(LayoutReader);

/// Opens a layout; where its index names a single image, that is the root.
fn open_layout(path: &Path) -> Result<(Layout, Descriptor, Vec<u8>), ReadLayoutError> {
    let layout = LayoutReader::open(path)?;
    let (bytes, index) = layout.index()?;
    if let [only] = index.manifests.as_slice() {
        let bytes = layout.read_small(only)?;
        return Ok((Layout(layout), only.clone(), bytes));
    }
    let root = Descriptor::of(img_oci::media_type::OCI_INDEX, &bytes);
    Ok((Layout(layout), root, bytes))
}

impl BlobSource for Layout {
    fn open<'a>(&'a self, blob: &'a Descriptor) -> OpenBlob<'a> {
        let mut files = FileSource::default();
        files.add(blob.digest.clone(), self.path(blob));
        Box::pin(async move { files.open(blob).await })
    }

    fn place(&self, blob: &Descriptor) -> String {
        self.path(blob).display().to_string()
    }
}

impl Layout {
    fn path(&self, blob: &Descriptor) -> PathBuf {
        self.0.blob_path(&blob.digest)
    }
}

impl ImageSource for Layout {
    fn document<'a>(
        &'a self,
        descriptor: &'a Descriptor,
    ) -> BoxFuture<'a, Result<Vec<u8>, ReadBlobError>> {
        let bytes = self.0.read_small(descriptor);
        let failed = |error| ReadBlobError::read(descriptor, &self.place(descriptor), error);
        let result = bytes.map_err(failed);
        Box::pin(async move { result })
    }
}

/// A repository of a registry.
struct Remote(RepositoryClient);

async fn open_reference(args: &InspectArgs) -> Result<(Remote, Descriptor, Vec<u8>), Failure> {
    let image = || args.image.clone();
    let reference: Reference = args.image.parse().map_err(|source| {
        Failure::from(InspectImageError::Reference {
            image: image(),
            source,
        })
        .hint("name a directory with the file `oci-layout`, or registry/repository:tag")
    })?;
    let client = network::registry_client(args.insecure, Arc::new(Progress::new("img inspect")));
    let repository = client.repository(&reference.registry, &reference.repository)?;
    let fetched = repository
        .manifest(&reference.selector())
        .await
        .map_err(|source| {
            let hint = source.hint();
            Failure::with_hint(
                hint,
                InspectImageError::Registry {
                    image: image(),
                    source,
                },
            )
        })?;
    Ok((
        Remote(repository),
        fetched.descriptor,
        fetched.bytes.to_vec(),
    ))
}

impl BlobSource for Remote {
    fn open<'a>(&'a self, blob: &'a Descriptor) -> OpenBlob<'a> {
        self.0.open(blob)
    }

    fn place(&self, blob: &Descriptor) -> String {
        self.0.place(blob)
    }
}

impl ImageSource for Remote {
    fn document<'a>(
        &'a self,
        descriptor: &'a Descriptor,
    ) -> BoxFuture<'a, Result<Vec<u8>, ReadBlobError>> {
        Box::pin(async move {
            let place = self.place(descriptor);
            let selector = TagOrDigest::Digest(descriptor.digest.clone());
            let fetched = self.0.manifest(&selector).await;
            let fetched =
                fetched.map_err(|error| ReadBlobError::read(descriptor, &place, error))?;
            if fetched.descriptor.size != descriptor.size {
                return Err(ReadBlobError::Size {
                    digest: descriptor.digest.clone(),
                    place,
                    expected: descriptor.size,
                    found: fetched.descriptor.size,
                });
            }
            Ok(fetched.bytes.to_vec())
        })
    }
}
