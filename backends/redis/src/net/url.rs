//! A store's URL, read.

use redis::{ConnectionInfo, IntoConnectionInfo as _};
use typed_sessions_core::{Error, Result};

/// Where Redis is, and of how many servers it consists.
#[derive(Clone)]
pub(crate) enum Topology {
    Standalone(ConnectionInfo),
    /// Some nodes; the others are found through them.
    Cluster(Vec<ConnectionInfo>),
    /// Who knows where the master is. Credentials and database are the master's.
    Sentinel {
        sentinels: Vec<ConnectionInfo>,
        master: String,
    },
}

impl Topology {
    /// Reads a URL. No error quotes it: it may hold a password.
    pub(crate) fn parse(url: &str) -> Result<Self> {
        let (scheme, rest) = url.split_once("://").ok_or_else(|| {
            Error::config(
                "not a Redis URL: expected `redis://host:port/database`, or \
                 `redis+cluster://a:1,b:2`",
            )
        })?;
        let (base, kind) = scheme.split_once('+').unwrap_or((scheme, ""));
        if base == "rediss" && !cfg!(feature = "tls") {
            return Err(Error::config(
                "`rediss:` needs TLS: turn on the feature `redis-tls` of typed-sessions (`tls` of \
                 typed-sessions-redis)",
            ));
        }
        match (base, kind) {
            ("redis" | "rediss", "cluster") => cluster(base, rest),
            ("redis" | "rediss", "sentinel") => sentinel(base, rest),
            ("redis" | "rediss" | "unix", "") | ("redis", "unix") => {
                Ok(Self::Standalone(node(url)?))
            }
            _ => Err(Error::config(
                "not a Redis URL: its scheme must be redis, rediss, redis+cluster, rediss+cluster, \
                 redis+sentinel, rediss+sentinel or unix",
            )),
        }
    }
}

fn cluster(base: &str, rest: &str) -> Result<Topology> {
    let (credentials, hosts, path) = split(rest);
    if !path.trim_end_matches('/').is_empty() {
        return Err(Error::config(
            "a Cluster has one database: nothing may follow the hosts of a `redis+cluster:` URL",
        ));
    }
    Ok(Topology::Cluster(nodes(base, credentials, hosts, 6379, "")?))
}

fn sentinel(base: &str, rest: &str) -> Result<Topology> {
    let (credentials, hosts, path) = split(rest);
    let mut path = path.splitn(3, '/').skip(1);
    let master = path.next().filter(|name| !name.is_empty()).ok_or_else(|| {
        Error::config(
            "the master's name is missing: expected `redis+sentinel://host:port,host:port/name`",
        )
    })?;
    let database = path.next().unwrap_or_default();
    let sentinels = nodes(base, credentials, hosts, 26379, database)?;
    Ok(Topology::Sentinel { sentinels, master: master.to_owned() })
}

/// `user:password@`, `a:1,b:2` and `/path`.
fn split(rest: &str) -> (&str, &str, &str) {
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (credentials, hosts) = authority.split_at(authority.rfind('@').map_or(0, |at| at + 1));
    (credentials, hosts, path)
}

fn nodes(
    base: &str,
    credentials: &str,
    hosts: &str,
    port: u16,
    path: &str,
) -> Result<Vec<ConnectionInfo>> {
    let url = |host: &str| {
        let after_address = host.rsplit(']').next().unwrap_or(host);
        let port = if after_address.contains(':') { String::new() } else { format!(":{port}") };
        format!("{base}://{credentials}{host}{port}/{path}")
    };
    hosts.split(',').map(|host| node(&url(host.trim()))).collect()
}

fn node(url: &str) -> Result<ConnectionInfo> {
    let unreadable =
        || Error::config("not a Redis URL: expected `redis://user:password@host:port/database`");
    let info = url.into_connection_info().map_err(|_| unreadable())?;
    Ok(info)
}

#[cfg(test)]
mod tests {
    use typed_sessions_core::ErrorKind;

    use super::*;

    fn shown(url: &str) -> String {
        let one = |info: &ConnectionInfo| {
            let redis = info.redis_settings();
            let credentials = (redis.username().unwrap_or("-"), redis.password().unwrap_or("-"));
            format!("{} {} {} {}", info.addr(), credentials.0, credentials.1, redis.db())
        };
        let all = |nodes: &[ConnectionInfo]| nodes.iter().map(one).collect::<Vec<_>>().join(", ");
        match Topology::parse(url) {
            Ok(Topology::Standalone(node)) => one(&node),
            Ok(Topology::Cluster(nodes)) => format!("cluster: {}", all(&nodes)),
            Ok(Topology::Sentinel { sentinels, master }) => {
                format!("master {master}: {}", all(&sentinels))
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Config);
                error.to_string()
            }
        }
    }

    #[test]
    fn urls_are_read() {
        for (url, expected) in [
            ("redis://localhost", "localhost:6379 - - 0"),
            ("redis://app:s%40me@h:1/3", "h:1 app s@me 3"),
            ("redis+cluster://a:1,b,[::1]:3", "cluster: a:1 - - 0, b:6379 - - 0, ::1:3 - - 0"),
            ("redis+cluster://:p@a:1,b:2/", "cluster: a:1 - p 0, b:2 - p 0"),
            ("redis+sentinel://u:p@a:1,b/main", "master main: a:1 u p 0, b:26379 u p 0"),
            ("redis+sentinel://a/main/4", "master main: a:26379 - - 4"),
        ] {
            assert_eq!(shown(url), expected, "{url}");
        }
    }

    #[test]
    fn unreadable_urls_are_not_quoted() {
        for url in [
            "",
            "redis",
            "redis:",
            "redis:/x",
            "redis+cluster://",
            "redis+cluster://u:hunter2@",
            "redis+cluster://hunter2,,b",
            "redis+cluster://a:1/hunter2",
            "redis+sentinel://hunter2",
            "redis+sentinel://a:1/",
            "redis+sentinel://a:1/main/hunter2",
            "redis://u:hunter2@h:port",
            "redis://u:hunter2@",
            "redis://u:hunter2@h/one",
            "hunter2://h",
            "redis+hunter2://h",
            "redis+cluster+tls://hunter2",
        ] {
            let error = shown(url);
            assert!(error.contains(' ') && !error.contains("hunter2"), "{url}: {error}");
        }
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn tls_names_its_feature() {
        assert!(shown("rediss://h").contains("`redis-tls`"));
        assert!(shown("rediss+cluster://h").contains("`redis-tls`"));
    }
}
