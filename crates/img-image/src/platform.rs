//! Which platforms' images run where.

use img_oci::Platform;

/// Tells whether an image for `image` runs on `host`: same system and architecture, and a variant
/// that `host` has.
///
/// The rule is that of base selection: an amd64 of some level runs images of lower levels and of
/// none, an arm of some version those of versions from 5, an arm64 those of earlier ones. Where
/// the host names no variant, the image may not either.
pub(crate) fn runs_on(image: &Platform, host: &Platform) -> bool {
    if image.os != host.os || image.architecture != host.architecture {
        return false;
    }
    if image.variant == host.variant {
        return true;
    }
    let versions = |image: &str, host: &str| Some((version(image)?, version(host)?));
    match (
        host.architecture.as_str(),
        image.variant.as_deref(),
        host.variant.as_deref(),
    ) {
        ("amd64", None, Some(_)) => true,
        ("amd64" | "arm", Some(image), Some(host)) => {
            versions(image, host).is_some_and(|(image, host)| image <= host)
        }
        ("arm64", Some(image), Some(host)) => versions(image, host)
            .is_some_and(|(image, host)| image <= host && (image.0 == host.0 || image == (8, 0))),
        _ => false,
    }
}

/// A variant such as `v8.2` as its numbers.
fn version(variant: &str) -> Option<(u32, u32)> {
    let numbers = variant.strip_prefix('v')?;
    let (major, minor) = numbers.split_once('.').unwrap_or((numbers, "0"));
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_cpu_runs_what_an_older_one_runs() {
        let check = |image: &str, host: &str, runs: bool| {
            assert_eq!(
                runs_on(&image.parse().unwrap(), &host.parse().unwrap()),
                runs,
                "{image} {host}"
            );
        };
        check("linux/amd64", "linux/amd64", true);
        check("linux/amd64", "linux/amd64/v3", true);
        check("linux/amd64/v2", "linux/amd64/v3", true);
        check("linux/amd64/v3", "linux/amd64/v2", false);
        check("linux/amd64/v3", "linux/amd64", false);
        check("linux/arm64", "linux/arm64/v8", true);
        check("linux/arm64/v8", "linux/arm64/v8.2", true);
        check("linux/arm64/v8.2", "linux/arm64/v8", false);
        check("linux/arm64/v8", "linux/arm64/v9.1", true);
        check("linux/arm64/v8.2", "linux/arm64/v9.1", false);
        check("linux/arm64/v9", "linux/arm64/v9.1", true);
        check("linux/arm/v6", "linux/arm/v7", true);
        check("linux/arm/v7", "linux/arm/v6", false);
        check("linux/arm", "linux/arm/v7", false);
        check("linux/arm/v7", "linux/arm", false);
        check("linux/riscv64/x", "linux/riscv64/y", false);
        check("linux/arm64", "linux/amd64", false);
        check("windows/amd64", "linux/amd64", false);
    }
}
