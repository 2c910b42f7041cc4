//! The statements that requests send.

use std::sync::Arc;

use sqlx::{AssertSqlSafe, SqlSafeStr as _, SqlStr};

use crate::names::Names;
use crate::parameters::{
    CREATE, LOGIN, Parameter, REWRITE, SAVE, SAVE_IF, TOUCH, WHY_REFUSED, places,
};
use crate::schema::{BEAT, CONNECTED, MESSAGES, SERVERS};
use crate::template::{compact, render};

/// Whether a row's session has ended neither by the clock of the core nor by PostgreSQL's own.
const LIVE: &str = "deadline > {now} AND expires_at > now()";
/// What a change expects of texts.
const COMPARED: &str = " AND ({expected} IS NULL OR fields @> {expected}::jsonb) \
    AND ({absent} IS NULL OR NOT fields ?| {absent})";
/// The fields after an edit.
const NEW_FIELDS: &str = "CASE WHEN {remove} IS NULL THEN fields ELSE fields - {remove} END \
    || coalesce({set}, '{}')::jsonb";

/// How many parameters the function of a login has beside those of a change.
const LOGIN_HAS_MORE: usize = 3;

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

/// A statement that takes parts of a change.
#[derive(Debug)]
pub(crate) struct OfChange {
    pub(crate) statement: Statement,
    pub(crate) parameters: &'static [Parameter],
}

/// The statements that requests send, with the names of schema and table in their places.
#[derive(Debug)]
pub(crate) struct Statements {
    pub(crate) load: Statement,
    pub(crate) headers: Statement,
    pub(crate) sessions_of: Statement,
    pub(crate) delete: Statement,
    pub(crate) why_not_deleted: Statement,
    pub(crate) clear: Statement,
    pub(crate) purge_expired: Statement,
    pub(crate) create: OfChange,
    /// Of fields alone.
    pub(crate) save: OfChange,
    /// The same, where texts are compared.
    pub(crate) save_if: OfChange,
    /// Of the header alone.
    pub(crate) touch: OfChange,
    /// Of header and fields.
    pub(crate) rewrite: OfChange,
    pub(crate) login: OfChange,
    pub(crate) why_refused: OfChange,
    pub(crate) publish: Statement,
    /// Of a message that goes through a row.
    pub(crate) publish_large: Statement,
    pub(crate) beat: Statement,
    pub(crate) servers: Statement,
    pub(crate) connections_of_user: Statement,
    pub(crate) connections_of_session: Statement,
    /// Which process of the server carries it out.
    pub(crate) process: Statement,
    /// Large messages, read on a subscriber's own connection.
    pub(crate) messages: SqlStr,
}

impl Statements {
    pub(crate) fn new(names: &Names) -> Self {
        let table = names.table();
        let values = [
            ("table", &*table),
            ("servers", &names.qualified(SERVERS)),
            ("connected", &names.qualified(CONNECTED)),
            ("messages", &names.qualified(MESSAGES)),
            ("beat", &names.qualified(BEAT)),
        ];
        let plain = |template, spare| Statement::new(render(&compact(template), &values), spare);
        let of_change = |template, parameters| {
            let sql = of_change(&compact(template), parameters, names, "");
            OfChange { statement: Statement::new(sql, 0), parameters }
        };
        // In the order of how many parameters they have, each another number. What is sent often
        // has none to spare.
        Self {
            load: plain(include_str!("sql/load.sql"), 0),
            headers: plain(include_str!("sql/headers.sql"), 1),
            delete: plain(include_str!("sql/delete.sql"), 0),
            sessions_of: plain(include_str!("sql/sessions_of.sql"), 1),
            save: of_change(include_str!("sql/save.sql"), SAVE),
            why_refused: of_change(include_str!("sql/why_refused.sql"), WHY_REFUSED),
            save_if: of_change(include_str!("sql/save.sql"), SAVE_IF),
            why_not_deleted: plain(include_str!("sql/why_not_deleted.sql"), 5),
            purge_expired: plain(include_str!("sql/purge_expired.sql"), 8),
            clear: plain(include_str!("sql/clear.sql"), 9),
            create: of_change(include_str!("sql/create.sql"), CREATE),
            publish: plain("SELECT pg_notify($1, $2)", 10),
            touch: of_change(include_str!("sql/rewrite.sql"), TOUCH),
            publish_large: plain(include_str!("sql/publish_large.sql"), 12),
            rewrite: of_change(include_str!("sql/rewrite.sql"), REWRITE),
            beat: plain("SELECT {beat}($1, $2, $3, $4, $5, $6, $7, $8)", 8),
            connections_of_user: plain(include_str!("sql/connections_of_user.sql"), 16),
            connections_of_session: plain(include_str!("sql/connections_of_session.sql"), 17),
            servers: plain(include_str!("sql/servers.sql"), 19),
            login: OfChange {
                statement: Statement::new(call_of_login(names), 0),
                parameters: LOGIN,
            },
            process: plain("SELECT pg_backend_pid()", 21),
            messages: plain("SELECT id, message FROM {messages} WHERE id = ANY ($1)", 0).sql,
        }
    }
}

fn call_of_login(names: &Names) -> String {
    let parameters: Vec<String> =
        (1..=LOGIN.len() + LOGIN_HAS_MORE).map(|n| format!("${n}")).collect();
    let function = names.qualified("_login");
    format!("SELECT verdict, evicted FROM {function}({})", parameters.join(", "))
}

/// The function that counts a user's sessions and writes, in one step: part of the schema.
pub(crate) fn login_function(names: &Names) -> String {
    let part = |template: &str| of_change(template.trim_end(), LOGIN, names, " AND has_room");
    let values = [
        ("table", &*names.table()),
        ("login", &names.qualified("_login")),
        ("name", &names.table_literal()),
        ("live", &part(LIVE)),
        ("rewrite", &part(include_str!("sql/rewrite.sql"))),
        ("why_refused", &part(include_str!("sql/why_refused.sql"))),
        ("create", &part(include_str!("sql/create.sql"))),
        ("tag", &names.body_tag()),
    ];
    render(include_str!("sql/login.sql"), &values)
}

/// With the names, and what the parameters allow: a comparison of texts, an edit of fields.
fn of_change(template: &str, parameters: &[Parameter], names: &Names, room: &str) -> String {
    let places = places(parameters);
    let places: Vec<(&str, &str)> = places.iter().map(|(name, place)| (*name, &**place)).collect();
    let if_has = |parameter, part: String| {
        if parameters.contains(&parameter) { part } else { String::new() }
    };
    let new_fields = render(NEW_FIELDS, &places);
    let with_fields = if_has(Parameter::Set, format!(", fields = {new_fields}"));
    let compared = if_has(Parameter::Expected, render(COMPARED, &places));
    let (table, live) = (names.table(), render(LIVE, &places));
    let mut values = vec![
        ("table", &*table),
        ("live", &live),
        ("compared", &compared),
        ("new_fields", &new_fields),
        ("with_fields", &with_fields),
        ("room", room),
    ];
    values.extend(places);
    render(template, &values)
}

/// The parts of these statements are the crate's own, but for names, and those are quoted.
pub(crate) fn safe(sql: impl Into<Arc<str>>) -> SqlStr {
    AssertSqlSafe(sql.into()).into_sql_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(all: &Statements) -> Vec<&Statement> {
        vec![
            &all.load,
            &all.headers,
            &all.sessions_of,
            &all.delete,
            &all.why_not_deleted,
            &all.clear,
            &all.purge_expired,
            &all.publish,
            &all.publish_large,
            &all.beat,
            &all.servers,
            &all.connections_of_user,
            &all.connections_of_session,
            &all.process,
        ]
    }

    fn of_change_but_login(all: &Statements) -> Vec<&OfChange> {
        vec![&all.create, &all.save, &all.save_if, &all.touch, &all.rewrite, &all.why_refused]
    }

    #[test]
    fn every_place_of_a_statement_is_filled_in_and_none_says_what_comments_say() {
        let names = Names::new("s", "t").expect("possible names");
        let all = Statements::new(&names);
        let (plain, of_change) = (plain(&all), of_change_but_login(&all));
        for statement in of_change.iter().map(|each| &each.statement).chain(plain) {
            let sql = statement.sql.as_str();
            assert!(!sql.replace("'{}'", "").contains(['{', '}', '\n']), "{sql}");
            assert!(!sql.contains("--") && !sql.contains("  "), "{sql}");
        }
        for each in of_change {
            let sql = each.statement.sql.as_str();
            for n in 1..=each.parameters.len() {
                assert!(sql.contains(&format!("${n}")), "${n} is not used: {sql}");
            }
        }
    }

    #[test]
    fn no_two_statements_have_equally_many_parameters() {
        let all = Statements::new(&Names::new("s", "t").expect("possible names"));
        let of_login = all.login.statement.sql.as_str();
        assert!(of_login.contains("$20") && !of_login.contains("$21"), "{of_login}");
        let (plain, of_change) = (plain(&all), of_change_but_login(&all));
        let statements = of_change.iter().map(|each| &each.statement).chain(plain);
        let count = |statement: &Statement| {
            let sql = statement.sql.as_str();
            let used = (1..=20).rev().find(|n| sql.contains(&format!("${n}"))).unwrap_or(0);
            used + statement.spare
        };
        let mut counts: Vec<usize> = statements.map(count).chain([20]).collect();
        counts.sort_unstable();
        assert_eq!(counts, (1..=21).collect::<Vec<_>>());
    }
}
