//! The versions of the schema, as SQL.

use std::fmt::Write as _;

use crate::logging::Logging;
use crate::names::Names;
use crate::statements::login_function;
use crate::template::render;

/// What leads from each version to the next; a version's number is its place, from 1.
///
/// A released step never changes: its SQL stands in its file as it was. The second takes the login
/// function as the statements are now; when that changes, it is frozen like the others, and a next
/// step replaces the function.
pub(crate) fn steps(names: &Names, logging: Logging) -> Vec<String> {
    let unlogged = match logging {
        Logging::Logged => "",
        Logging::Unlogged => "UNLOGGED ",
    };
    let login_function = login_function(names);
    let values = [
        ("table", &*names.table()),
        ("unlogged", unlogged),
        ("user_index", &names.unqualified("_user")),
        ("qualified_user_index", &names.qualified("_user")),
        ("sweep_index", &names.unqualified("_sweep")),
        ("login", &names.qualified("_login")),
        ("login_function", login_function.trim_end()),
        ("servers", &names.qualified(SERVERS)),
        ("connected", &names.qualified(CONNECTED)),
        ("messages", &names.qualified(MESSAGES)),
        ("beat", &names.qualified(BEAT)),
        ("name", &names.table_literal()),
        ("tag", &names.body_tag()),
    ];
    let templates =
        [include_str!("sql/1.sql"), include_str!("sql/2.sql"), include_str!("sql/3.sql")];
    templates.iter().map(|template| render(template, &values)).collect()
}

/// All of it, for a database that has nothing.
pub(crate) fn whole(names: &Names, logging: Logging) -> String {
    let mut sql = format!(
        "BEGIN;\n\nCREATE SCHEMA IF NOT EXISTS {};\n\n{};\n",
        names.schema(),
        create_versions(names)
    );
    for (version, step) in (1..).zip(steps(names, logging)) {
        let noted = insert_version(names, version);
        let _ = write!(sql, "\n-- Version {version}\n{step}\n{noted};\n");
    }
    sql.push_str("\nCOMMIT;\n");
    sql
}

/// What the name of the table of servers ends with.
pub(crate) const SERVERS: &str = "_servers";
/// That of the table of connections.
pub(crate) const CONNECTED: &str = "_connected";
/// That of the table of large messages.
pub(crate) const MESSAGES: &str = "_messages";
/// That of the function of a heartbeat.
pub(crate) const BEAT: &str = "_beat";

/// The tables of the latest version, by what their names end with, and their columns, `name type`
/// each, as PostgreSQL calls the types.
pub(crate) const TABLES: &[(&str, &str)] = &[
    ("", COLUMNS),
    (SERVERS, "incarnation bytea, name bytea, lease_until timestamp with time zone"),
    (CONNECTED, "incarnation bytea, connection bytea, session bytea, user_id bytea, since bigint"),
    (MESSAGES, "id bigint, message bytea, sent timestamp with time zone"),
];

const COLUMNS: &str = "id bytea, header text, revision bigint, login_epoch bigint, \
    deadline bigint, last_seen bigint, user_id bytea, sweep_at timestamp with time zone, \
    fields jsonb, expires_at timestamp with time zone";

/// The columns of the table of versions.
pub(crate) const VERSIONS_COLUMNS: &str = "version integer, applied timestamp with time zone";

/// The table of the versions that a database has.
pub(crate) fn create_versions(names: &Names) -> String {
    let table = names.qualified("_migrations");
    format!(
        "CREATE TABLE {table} (version int PRIMARY KEY, applied timestamptz NOT NULL DEFAULT now())"
    )
}

/// Notes that a database has a version.
pub(crate) fn insert_version(names: &Names, version: i32) -> String {
    format!("INSERT INTO {} (version) VALUES ({version})", names.qualified("_migrations"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_filled_in_and_names_are_left_alone() {
        let names = Names::new("s", "{table}'; $body$ -- {live}").expect("possible names");
        let sql = whole(&names, Logging::Logged);
        assert!(sql.contains(r#""s"."{table}'; $body$ -- {live}""#), "{sql}");
        assert!(sql.contains("$_body$"), "{sql}");
        let plain = whole(&Names::new("s", "t").expect("possible names"), Logging::Unlogged);
        // Braces that stay are empty arrays and objects.
        assert!(!plain.replace("'{}'", "").contains(['{', '}']), "{plain}");
    }
}
