//! Which platforms' images run where.

use img_oci::Platform;

/// Tells whether an image for `image` runs on `host`: same system and architecture, and a variant
/// that the host's includes. Where the host names no variant, any will do.
pub fn runs_on(image: &Platform, host: &Platform) -> bool {
    if image.os != host.os || image.architecture != host.architecture {
        return false;
    }
    match (&image.variant, &host.variant) {
        (None, _) | (_, None) => true,
        (Some(image), Some(host)) if image == host => true,
        (Some(image), Some(host)) => match (version(image), version(host)) {
            (Some(image), Some(host)) => includes(host, image),
            _ => false,
        },
    }
}

/// A variant such as `v8.2` as its numbers.
type Version = (u32, u32);

fn version(variant: &str) -> Option<Version> {
    let (major, minor) = variant
        .strip_prefix('v')?
        .split_once('.')
        .unwrap_or((&variant[1..], "0"));
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Tells whether a CPU of `host` has what one of `image` has: everything of an older variant.
fn includes(host: Version, image: Version) -> bool {
    image <= host
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
        check("linux/amd64/v3", "linux/amd64", true);
        check("linux/arm64", "linux/arm64/v8", true);
        check("linux/arm64/v8.2", "linux/arm64/v8", false);
        check("linux/arm64/v8", "linux/arm64/v9.1", true);
        check("linux/arm/v6", "linux/arm/v7", true);
        check("linux/arm/v7", "linux/arm/v6", false);
        check("linux/arm64", "linux/amd64", false);
        check("windows/amd64", "linux/amd64", false);
    }
}
