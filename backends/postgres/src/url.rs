//! The URL of a store: all of it means something, or it is refused.

use sqlx::postgres::PgConnectOptions;
use typed_sessions_core::{Error, Result};

/// What sqlx reads (0.9); it passes over everything else. Further `options[name]`.
const PARAMETERS: [&str; 18] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "ssl-root-cert",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "statement-cache-capacity",
    "user",
];

/// Reads a URL. No error quotes more of it than the name of a parameter.
pub(crate) fn parse(url: &str) -> Result<PgConnectOptions> {
    let rest = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://"));
    let rest = rest.ok_or_else(malformed)?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    if authority.contains(',') {
        return Err(Error::config(
            "the store's URL names several hosts: it must be one; give an address that follows \
             the primary",
        ));
    }
    let (rest, fragment) = rest.split_once('#').map_or((rest, None), |(a, b)| (a, Some(b)));
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    // An `@` behind the host is most likely the end of a password, and what is before it no name.
    let is_torn = |part: &str| part.contains('@');
    if is_torn(path) || fragment.is_some_and(is_torn) {
        return Err(malformed());
    }
    if fragment.is_some() {
        return Err(Error::config(format!(
            "the store's URL has a part behind `#`, which nobody reads: remove it; {ENCODE}"
        )));
    }
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let name = pair.split_once('=').map_or(pair, |(name, _)| name);
        if is_read(name) {
            continue;
        }
        let is_name = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.[]".contains(&byte));
        if !is_name || is_torn(query) {
            return Err(malformed());
        }
        return Err(Error::config(format!(
            "the store's URL has a parameter `{name}`, which nobody reads: correct or remove it; \
             a setting of PostgreSQL's goes into `options[name]=value`"
        )));
    }
    url.parse().map_err(|_| malformed())
}

fn is_read(name: &str) -> bool {
    let option = name.strip_prefix("options[").and_then(|name| name.strip_suffix(']'));
    option.is_some_and(|option| !option.is_empty()) || PARAMETERS.contains(&name)
}

const ENCODE: &str = "in a user's name or a password write `#` as `%23`, `/` as `%2F`, `?` as \
                      `%3F`, `@` as `%40`, `:` as `%3A` and `%` as `%25` (percent-encoding)";

fn malformed() -> Error {
    Error::config(format!(
        "the store's URL cannot be read: it must look like \
         `postgres://user:password@host:port/database?sslmode=verify-full`; {ENCODE}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str) -> String {
        let error = parse(url).expect_err(url);
        assert_eq!(error.kind(), typed_sessions_core::ErrorKind::Config, "{url}");
        format!("{error} {error:?}")
    }

    #[test]
    fn what_sqlx_reads_is_taken() {
        for url in [
            "postgres://h/d",
            "postgresql://u:p@h:5433/d",
            "postgres:///d?host=/run/postgresql&user=u@tenant&password=p@ss",
            "postgres://u:p%23%2F%3F%40@h/d?sslmode=disable&application_name=shop",
            "postgres://h/d?options[search_path]=a&options=-c%20geqo%3Doff&",
            "postgres://[::1]:5432/d?statement-cache-capacity=50",
        ] {
            parse(url).expect(url);
        }
        // None of these is passed over with a warning.
        for name in PARAMETERS {
            let value = match name {
                "port" | "statement-cache-capacity" => "1",
                "hostaddr" => "::1",
                "sslmode" | "ssl-mode" => "prefer",
                _ => "x",
            };
            parse(&format!("postgres://h/d?{name}={value}")).expect(name);
        }
    }

    #[test]
    fn what_nobody_reads_is_refused_by_name() {
        for (query, name) in [
            ("sslmod=verify-full", "`sslmod`"),
            ("sslmode=disable&connect_timeout=hunter2", "`connect_timeout`"),
            ("target_session_attrs=read-write", "`target_session_attrs`"),
            ("options[a=hunter2", "`options[a`"),
            ("SSLMODE=require", "`SSLMODE`"),
        ] {
            for scheme in ["postgres", "postgresql"] {
                let error = refused(&format!("{scheme}://u:hunter2@h/d?{query}"));
                assert!(error.contains(name) && !error.contains("hunter2"), "{error}");
            }
        }
        let error = refused("postgres://u:hunter2@h/d#hunter2");
        assert!(error.contains("behind `#`") && !error.contains("hunter2"), "{error}");
        assert!(refused("postgres://u:hunter2@a,b/d").contains("several hosts"));
    }

    #[test]
    fn t5_a_password_that_is_not_encoded_is_not_quoted() {
        for url in [
            "postgres://u:hunter2#x@h/d",
            "postgres://u:hunter2/x@h/d",
            "postgres://u:hunter2?x@h/d",
            "postgres://u:hunter2?x=y@h/d",
            "postgres://u:12#hunter2@h/d",
            "postgres://u:12/hunter2@h/d",
            "postgres://u:12?hunter2@h/d",
            "postgres://u:12?hunter2=y@h/d",
            "postgres://u@x:12?hunter2=y@h/d",
            "postgres://h/d?hunter2 x=y",
            "postgres://h/d?=hunter2",
            "postgres://h/d?sslmode=hunter2",
            "postgres://u:%ff@h/hunter2",
            "mysql://u:hunter2@h/d",
            "postgres:hunter2",
            "hunter2",
        ] {
            let error = refused(url);
            assert!(
                error.contains("percent-encoding") && error.contains("`%23`"),
                "{url}: {error}"
            );
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
