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
    if path.contains(['?', '#']) {
        return Err(read_by_nobody("redis+sentinel://user:password@host:port/master/7"));
    }
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

fn read_by_nobody(expected: &str) -> Error {
    Error::config(format!(
        "the Redis URL says something that nobody reads, after `?` or `#`: expected `{expected}`, \
         7 being the number of the database; in user and password write %3F for `?` and %23 for `#`"
    ))
}

fn node(url: &str) -> Result<ConnectionInfo> {
    let unreadable = || {
        Error::config(
            "not a Redis URL: expected `redis://user:password@host:port/database`, where `@`, `/`, \
             `?`, `#` and `%` in user and password are written %40, %2F, %3F, %23 and %25",
        )
    };
    let parts = redis::parse_redis_url(url).ok_or_else(unreadable)?;
    let is_socket = parts.scheme().ends_with("unix");
    let mut read = if is_socket { vec!["db", "user", "pass"] } else { Vec::new() };
    // What is not read may be part of a password: it is not quoted.
    let mut is_read =
        |name: &str| read.iter().position(|one| *one == name).map(|at| read.remove(at));
    if parts.fragment().is_some() || parts.query_pairs().any(|(name, _)| is_read(&name).is_none()) {
        return Err(if is_socket {
            Error::config(
                "the Redis URL says something that nobody reads: after the path of a socket may \
                 come `?db=7&user=name&pass=password`, each once, and nothing else",
            )
        } else {
            read_by_nobody("redis://user:password@host:port/7")
        });
    }
    parts.into_connection_info().map_err(|_| unreadable())
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
            ("unix:///run/r.sock?db=7&user=app&pass=s", "/run/r.sock app s 7"),
        ] {
            assert_eq!(shown(url), expected, "{url}");
        }
    }

    #[test]
    fn what_nobody_reads_is_refused() {
        for url in [
            "redis://h?db=7",
            "redis://h/?database=7",
            "redis://h/7?protocol=resp3",
            "redis://h/#insecure",
            "redis://app:hunter2#x@h/",
            "redis://app:1?hunter2@h/",
            "redis+cluster://a:1?db=7",
            "redis+cluster://a:1,b:2?hunter2",
            "redis+sentinel://a/main?db=7",
            "redis+sentinel://a/main/1?db=7",
            "unix:///run/redis.sock?database=7",
            "unix:///run/redis.sock?db=7&db=8",
            "unix:///run/redis.sock#hunter2",
        ] {
            let error = shown(url);
            assert!(!error.contains("hunter2"), "{url}: {error}");
            assert!(error.contains("nobody reads") || error.contains("%23"), "{url}: {error}");
        }
    }

    #[test]
    fn unreadable_passwords_say_what_to_write() {
        for url in ["redis://app:s/3cret@h", "redis://app:s#3cret@h", "redis://app:s?3cret@h"] {
            let error = shown(url);
            assert!(error.contains("%23") && !error.contains("3cret"), "{url}: {error}");
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
