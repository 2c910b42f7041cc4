//! The statements, with the names of schema and table in their places.

use sqlx::{AssertSqlSafe, SqlSafeStr as _, SqlStr};
use typed_sessions_core::{Error, Result};

/// What must hold of the row for it to be the writer's session at all, and what else the change expects; see update.sql.
const LIVE: &str = "id = $1 AND deadline > $2 AND ($3 IS NULL OR login_epoch = $3)";
const GUARDS: &str = "($4 IS NULL OR revision = $4) AND ($5 IS NULL OR fields @> $5::jsonb) \
    AND ($6 IS NULL OR NOT fields ?| $6)";

/// PostgreSQL cuts longer names, and two could become one.
const LONGEST_NAME: usize = 63;
/// The longest of what is put behind the table's name.
const LONGEST_SUFFIX: usize = "_migrations".len();

/// Where the sessions are, each name as a quoted identifier.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    schema: String,
    table: String,
}

/// A statement that is prepared once on each connection.
///
/// A pooler that hands a server's connection from client to client may have another statement under the same name there (the driver
/// numbers them). So no two have equally many parameters: PostgreSQL then refuses what was bound for another.
#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) sql: SqlStr,
    /// Parameters that it ignores.
    pub(crate) spare: usize,
}

impl Statement {
    pub(crate) fn new(sql: impl Into<std::sync::Arc<str>>, spare: usize) -> Self {
        Self { sql: safe(sql), spare }
    }
}

/// The statements that requests send.
#[derive(Debug)]
pub(crate) struct Statements {
    pub(crate) load: Statement,
    pub(crate) sessions_of: Statement,
    pub(crate) create: Statement,
    pub(crate) update: Statement,
    pub(crate) login: Statement,
    pub(crate) delete: Statement,
    pub(crate) sweep: Statement,
    pub(crate) purge: Statement,
}

impl Names {
    pub(crate) fn new(schema: &str, table: &str) -> Result<Self> {
        for (what, name, longest) in
            [("schema", schema, LONGEST_NAME), ("table", table, LONGEST_NAME - LONGEST_SUFFIX)]
        {
            if name.is_empty() || name.len() > longest || name.contains('\0') {
                let message = format!(
                    "{name:?} ({} bytes) cannot be the {what}'s name: it must have 1 to {longest} bytes and no NUL",
                    name.len()
                );
                return Err(Error::config(message));
            }
        }
        Ok(Self { schema: schema.to_owned(), table: table.to_owned() })
    }

    pub(crate) fn bare_schema(&self) -> &str {
        &self.schema
    }

    pub(crate) fn bare(&self, suffix: &str) -> String {
        format!("{}{suffix}", self.table)
    }

    /// The schema's name, quoted.
    pub(crate) fn schema(&self) -> String {
        quoted(&self.schema)
    }

    /// Something in the schema whose name begins with the table's, quoted.
    pub(crate) fn qualified(&self, suffix: &str) -> String {
        format!("{}.{}", self.schema(), quoted(&self.bare(suffix)))
    }

    pub(crate) fn table(&self) -> String {
        self.qualified("")
    }

    /// The table's name as a text in SQL.
    fn literal(&self) -> String {
        literal(&self.table())
    }

    /// The schema's name as a text in SQL.
    pub(crate) fn schema_literal(&self) -> String {
        literal(&self.schema())
    }

    pub(crate) fn statements(&self) -> Statements {
        let parameters: Vec<String> = (1..=20).map(|n| format!("${n}")).collect();
        let login = format!("SELECT {}({})", self.qualified("_login"), parameters.join(", "));
        Statements {
            load: Statement::new(self.fill(include_str!("sql/load.sql")), 0),
            sessions_of: Statement::new(self.fill(include_str!("sql/sessions_of.sql")), 2),
            create: Statement::new(self.fill(include_str!("sql/create.sql")), 0),
            update: Statement::new(self.update("", ""), 1),
            login: Statement::new(login, 0),
            delete: Statement::new(self.fill(include_str!("sql/delete.sql")), 1),
            sweep: Statement::new(self.fill(include_str!("sql/sweep.sql")), 3),
            purge: Statement::new(self.fill(include_str!("sql/purge.sql")), 3),
        }
    }

    fn fill(&self, template: &str) -> String {
        render(template, &[("table", &self.table())])
    }

    fn update(&self, room: &str, full: &str) -> String {
        let table = self.table();
        let snippets = [
            ("table", &*table),
            ("live", LIVE),
            ("guards", GUARDS),
            ("room", room),
            ("full", full),
        ];
        render(include_str!("sql/update.sql"), &snippets)
    }

    /// The first version of the schema.
    pub(crate) fn first_version(&self, unlogged: bool) -> String {
        let names = [
            ("table", self.table()),
            ("user_index", quoted(&self.bare("_user"))),
            ("sweep_index", quoted(&self.bare("_sweep"))),
            ("unlogged", if unlogged { "UNLOGGED " } else { "" }.to_owned()),
        ];
        format!(
            "{}\n{}",
            render(include_str!("sql/1.sql"), &borrowed(&names)),
            self.login_function()
        )
    }

    fn login_function(&self) -> String {
        let full = format!(
            "\n    WHEN NOT has_room AND EXISTS (SELECT FROM {} WHERE {LIVE} AND {GUARDS}) THEN 3",
            self.table()
        );
        let mut names = vec![
            ("table", self.table()),
            ("login", self.qualified("_login")),
            ("name", self.literal()),
            ("update", self.update(" AND has_room", &full).trim_end().to_owned()),
            ("create", self.fill(include_str!("sql/create.sql")).trim_end().to_owned()),
        ];
        // The tag that ends the function's body must not be part of a name in it.
        let clashes = |tag: &String| self.table.contains(&**tag) || self.schema.contains(&**tag);
        let mut tag = "$body$".to_owned();
        while clashes(&tag) {
            tag.insert(1, '_');
        }
        names.push(("tag", tag));
        render(include_str!("sql/login.sql"), &borrowed(&names))
    }
}

/// The parts of these statements are the crate's own, but for names, and those are quoted.
pub(crate) fn safe(sql: impl Into<std::sync::Arc<str>>) -> SqlStr {
    AssertSqlSafe(sql.into()).into_sql_str()
}

fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', r"\\").replace('\'', r"\'"))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn borrowed<'a>(names: &'a [(&'a str, String)]) -> Vec<(&'a str, &'a str)> {
    names.iter().map(|(name, value)| (*name, &**value)).collect()
}

/// Puts values in the places of `{name}`, in one pass: a value may contain anything.
fn render(template: &str, values: &[(&str, &str)]) -> String {
    let mut rest = template;
    let mut text = String::with_capacity(template.len() * 2);
    while let Some(begin) = rest.find('{') {
        let value = values.iter().find(|(name, _)| {
            rest[begin + 1..].strip_prefix(name).is_some_and(|after| after.starts_with('}'))
        });
        text.push_str(&rest[..begin]);
        if let Some((name, value)) = value {
            text.push_str(value);
            rest = &rest[begin + name.len() + 2..];
        } else {
            text.push('{');
            rest = &rest[begin + 1..];
        }
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_and_nothing_else_is_filled_in() {
        let names =
            Names::new("My \"Schema\"", "{table}'; $body$ -- {live}").expect("possible names");
        assert_eq!(names.table(), r#""My ""Schema"""."{table}'; $body$ -- {live}""#);
        assert!(names.first_version(false).contains("$_body$"));
        let left: Vec<&str> =
            ["{login}", "{update}", "{create}", "{tag}", "{name}", "{guards}", "{room}", "{full}"]
                .into_iter()
                .filter(|placeholder| names.first_version(false).contains(placeholder))
                .collect();
        assert!(left.is_empty(), "{left:?}");
    }

    #[test]
    fn impossible_names_are_refused() {
        for (schema, table) in
            [("", "t"), ("s", ""), ("s", "a\0"), (&*"s".repeat(64), "t"), ("s", &*"t".repeat(53))]
        {
            assert!(Names::new(schema, table).is_err(), "{schema:?} {table:?}");
        }
    }
}
