//! What the schema and the table are called, and what is named after the table.

use typed_sessions_core::{Error, Result};

/// PostgreSQL cuts longer names, and two could become one.
const LONGEST_NAME: usize = 63;
/// The longest of what is put behind the table's name.
const LONGEST_SUFFIX: usize = "_migrations".len();

/// Where the sessions are.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    schema: String,
    table: String,
}

impl Names {
    /// Refuses what PostgreSQL does not take.
    pub(crate) fn new(schema: &str, table: &str) -> Result<Self> {
        for (what, name, longest) in
            [("schema", schema, LONGEST_NAME), ("table", table, LONGEST_NAME - LONGEST_SUFFIX)]
        {
            if name.is_empty() || name.len() > longest || name.contains('\0') {
                let bytes = name.len();
                let message = format!(
                    "{name:?} ({bytes} bytes) cannot be the {what}'s name: it must have 1 to \
                     {longest} bytes and no NUL"
                );
                return Err(Error::config(message));
            }
        }
        Ok(Self { schema: schema.to_owned(), table: table.to_owned() })
    }

    /// The schema's name as it is.
    pub(crate) fn bare_schema(&self) -> &str {
        &self.schema
    }

    /// A name that begins with the table's, as it is.
    pub(crate) fn bare(&self, suffix: &str) -> String {
        format!("{}{suffix}", self.table)
    }

    /// The schema's name, quoted.
    pub(crate) fn schema(&self) -> String {
        quoted(&self.schema)
    }

    /// A name that begins with the table's, quoted.
    pub(crate) fn unqualified(&self, suffix: &str) -> String {
        quoted(&self.bare(suffix))
    }

    /// Something in the schema whose name begins with the table's, quoted.
    pub(crate) fn qualified(&self, suffix: &str) -> String {
        format!("{}.{}", self.schema(), self.unqualified(suffix))
    }

    /// The table, quoted.
    pub(crate) fn table(&self) -> String {
        self.qualified("")
    }

    /// The table's quoted name as a text in SQL.
    pub(crate) fn table_literal(&self) -> String {
        literal(&self.table())
    }

    /// The schema's quoted name as a text in SQL.
    pub(crate) fn schema_literal(&self) -> String {
        literal(&self.schema())
    }

    /// What marks the beginning and the end of a function's body: no part of a name in it.
    pub(crate) fn body_tag(&self) -> String {
        let mut tag = "$body$".to_owned();
        while self.table.contains(&tag) || self.schema.contains(&tag) {
            tag.insert(1, '_');
        }
        tag
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', r"\\").replace('\'', r"\'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted() {
        let names = Names::new("My \"Schema\"", "it's $body$ \\").expect("possible names");
        assert_eq!(names.table(), r#""My ""Schema"""."it's $body$ \""#);
        assert_eq!(names.table_literal(), r#"E'"My ""Schema"""."it\'s $body$ \\"'"#);
        assert_eq!(names.body_tag(), "$_body$");
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
