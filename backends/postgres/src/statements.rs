//! The statements that requests send.

use std::sync::Arc;

use sqlx::{AssertSqlSafe, SqlSafeStr as _, SqlStr};

use crate::names::Names;
use crate::template::render;

/// Whether a row's session has ended neither by the clock of the core nor by PostgreSQL's own.
/// Parameters as in update.sql, here and below.
const LIVE: &str = "deadline > $2 AND expires_at > now()";
/// What a change expects of a session besides.
const AS_EXPECTED: &str = "($4 IS NULL OR revision = $4) AND ($5 IS NULL OR fields @> $5::jsonb)
        AND ($6 IS NULL OR NOT fields ?| $6)";

/// How many parameters the function of a login has.
const LOGIN_PARAMETERS: usize = 20;

/// A statement that is prepared once on each connection.
///
/// A pooler that hands a server's connection from client to client may have another statement under
/// the same name there (the driver numbers them). So no two have equally many parameters:
/// PostgreSQL then refuses what was bound for another.
#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) sql: SqlStr,
    /// Parameters that it ignores.
    pub(crate) spare: usize,
}

impl Statement {
    pub(crate) fn new(sql: impl Into<Arc<str>>, spare: usize) -> Self {
        Self { sql: safe(sql), spare }
    }
}

/// The statements that requests send, with the names of schema and table in their places.
#[derive(Debug)]
pub(crate) struct Statements {
    pub(crate) load: Statement,
    pub(crate) headers: Statement,
    pub(crate) sessions_of: Statement,
    pub(crate) delete: Statement,
    pub(crate) clear: Statement,
    pub(crate) purge_expired: Statement,
    pub(crate) create: Statement,
    pub(crate) update: Statement,
    pub(crate) login: Statement,
}

impl Statements {
    pub(crate) fn new(names: &Names) -> Self {
        let fill = |template| render(template, &[("table", &names.table())]);
        Self {
            load: Statement::new(fill(include_str!("sql/load.sql")), 0),
            headers: Statement::new(fill(include_str!("sql/headers.sql")), 1),
            sessions_of: Statement::new(fill(include_str!("sql/sessions_of.sql")), 0),
            delete: Statement::new(fill(include_str!("sql/delete.sql")), 1),
            clear: Statement::new(fill(include_str!("sql/clear.sql")), 4),
            purge_expired: Statement::new(fill(include_str!("sql/purge_expired.sql")), 5),
            create: Statement::new(fill(include_str!("sql/create.sql")), 0),
            update: Statement::new(update(names, "", ""), 1),
            login: Statement::new(call_of_login(names), 0),
        }
    }
}

fn call_of_login(names: &Names) -> String {
    let parameters: Vec<String> = (1..=LOGIN_PARAMETERS).map(|n| format!("${n}")).collect();
    let function = names.qualified("_login");
    format!("SELECT verdict, evicted FROM {function}({})", parameters.join(", "))
}

/// The function that counts a user's sessions and writes, in one step: part of the schema.
pub(crate) fn login_function(names: &Names) -> String {
    let create = render(include_str!("sql/create.sql"), &[("table", &names.table())]);
    let update = update(names, " AND has_room", "\n        WHEN NOT has_room THEN 4");
    let values = [
        ("table", &*names.table()),
        ("login", &names.qualified("_login")),
        ("name", &names.table_literal()),
        ("live", LIVE),
        ("update", update.trim_end()),
        ("create", create.trim_end()),
        ("tag", &names.body_tag()),
    ];
    render(include_str!("sql/login.sql"), &values)
}

/// With a condition more, and the verdict for when that does not hold.
fn update(names: &Names, room: &str, full: &str) -> String {
    let values = [
        ("table", &*names.table()),
        ("live", LIVE),
        ("as_expected", AS_EXPECTED),
        ("room", room),
        ("full", full),
    ];
    render(include_str!("sql/update.sql"), &values)
}

/// The parts of these statements are the crate's own, but for names, and those are quoted.
pub(crate) fn safe(sql: impl Into<Arc<str>>) -> SqlStr {
    AssertSqlSafe(sql.into()).into_sql_str()
}
