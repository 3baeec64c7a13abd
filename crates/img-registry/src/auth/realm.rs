//! Which token servers are asked, and which of them get credentials.

use url::Url;

use crate::challenge::BearerChallenge;
use crate::transport::{PlainHttp, Transport, authority, is_local};

/// Returns the URL of the token server, or why it is not asked.
pub(super) fn of(
    bearer: &BearerChallenge,
    registry: &Url,
    transport: &Transport,
    with_credential: bool,
) -> Result<Url, String> {
    let realm = Url::parse(&bearer.realm).map_err(|_| "it is not a URL".to_owned())?;
    if !realm.username().is_empty() || realm.password().is_some() {
        return Err("its URL holds a user name".to_owned());
    }
    let server = authority(&realm);
    let plain_allowed = registry.scheme() == "http"
        && ((is_local(registry) && is_local(&realm))
            || transport.plain_http == PlainHttp::Everywhere);
    match realm.scheme() {
        "https" => {}
        "http" if plain_allowed => {}
        _ => return Err(format!("{server} is not asked by https")),
    }
    if is_internal(&realm) && !is_internal(registry) {
        return Err(format!(
            "{server} is an address of this machine or its link"
        ));
    }
    if with_credential && transport.is_overheard(&realm) {
        return Err(format!("{server} is another machine asked by plain HTTP"));
    }
    if with_credential && !is_related(registry, &realm) {
        return Err(format!("{server} belongs to another domain"));
    }
    Ok(realm)
}

/// Tells whether a URL names this machine, its link or nothing, by address or by name.
fn is_internal(url: &Url) -> bool {
    let address = match url.host() {
        Some(url::Host::Ipv4(address)) => address,
        Some(url::Host::Ipv6(address)) => match address.to_ipv4_mapped() {
            Some(address) => address,
            None => {
                return address.is_loopback()
                    || address.is_unspecified()
                    || address.is_unicast_link_local();
            }
        },
        _ => return is_local(url),
    };
    address.is_loopback() || address.is_unspecified() || address.is_link_local()
}

/// Tells whether two hosts are run by the same people, as far as their names tell.
fn is_related(registry: &Url, realm: &Url) -> bool {
    if registry.host() == realm.host() || (is_local(registry) && is_local(realm)) {
        return true;
    }
    match (registry.domain(), realm.domain()) {
        (Some(registry), Some(realm)) => {
            let domain = registrable(registry);
            domain.contains('.') && domain == registrable(realm)
        }
        _ => false,
    }
}

/// Second labels under which countries register domains, besides all of one or two letters.
const PUBLIC: [&str; 12] = [
    "com", "edu", "gob", "gov", "ltd", "mil", "net", "nhs", "nom", "org", "plc", "sch",
];

/// Returns the domain that someone registered: two labels, or three below such as `co.uk`.
fn registrable(host: &str) -> &str {
    let labels: Vec<&str> = host.trim_end_matches('.').rsplit('.').collect();
    let public = match labels[..] {
        [country, second, ..] => {
            country.len() == 2 && (second.len() <= 2 || PUBLIC.contains(&second))
        }
        _ => false,
    };
    let kept = if public { 3 } else { 2 };
    let length: usize = labels.iter().take(kept).map(|label| label.len() + 1).sum();
    let host = host.trim_end_matches('.');
    &host[host.len().saturating_sub(length.saturating_sub(1))..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_servers_of_the_same_domain_get_credentials() {
        let check = |registry: &str, realm: &str, related: bool| {
            let url = |host: &str| Url::parse(&format!("https://{host}/")).unwrap();
            assert_eq!(
                is_related(&url(registry), &url(realm)),
                related,
                "{registry} {realm}"
            );
        };
        check("registry-1.docker.io", "auth.docker.io", true);
        check("ghcr.io", "ghcr.io", true);
        check("registry.gitlab.com", "gitlab.com", true);
        check("localhost:5000", "127.0.0.1:5001", true);
        check("ghcr.io", "evil.io", false);
        check("registry.abc.io", "auth.abc.io", true);
        check("a.co.uk", "b.co.uk", false);
        check("a.com.br", "b.com.br", false);
        check("r.a.co.uk", "t.a.co.uk", true);
        check("10.0.0.1", "10.0.0.2", false);
        check("10.0.0.1", "10.0.0.1:99", true);
        check("registry", "auth", false);
    }

    #[test]
    fn a_token_server_gets_no_credentials_in_clear() {
        let check = |realm: &str, with_credential: bool, allowed: bool| {
            let bearer = BearerChallenge {
                realm: realm.to_owned(),
                ..BearerChallenge::default()
            };
            let registry = Url::parse("http://localhost:5000/v2/").unwrap();
            let found = of(&bearer, &registry, &Transport::default(), with_credential);
            assert_eq!(found.is_ok(), allowed, "{realm}");
        };
        check("http://nas.local/token", false, true);
        check("http://nas.local/token", true, false);
        check("https://nas.local/token", true, true);
        check("http://127.0.0.1/token", true, true);
    }

    #[test]
    fn internal_addresses_are_known_in_every_spelling() {
        for host in [
            "127.0.0.1",
            "[::1]",
            "169.254.169.254",
            "0.0.0.0",
            "[::ffff:127.0.0.1]",
            "2130706433",
            "localhost",
            "[fe80::1]",
        ] {
            assert!(
                is_internal(&Url::parse(&format!("https://{host}/")).unwrap()),
                "{host}"
            );
        }
        assert!(!is_internal(&Url::parse("https://10.0.0.1/").unwrap()));
    }
}
