//! How a database gets the latest version of the schema.

use std::time::Duration;

use sqlx::postgres::PgRow;
use sqlx::{Connection as _, PgConnection, Row as _};
use tokio::time::{Instant, timeout_at};
use typed_sessions_core::__backend::Effect;
use typed_sessions_core::{Error, Result};

use crate::arguments::PgQuery;
use crate::error::{from_driver, timed_out, unexpected};
use crate::link::{Link, Tries};
use crate::logging::Logging;
use crate::names::Names;
use crate::schema::{BEAT, TABLES, VERSIONS_COLUMNS, create_versions, insert_version, steps};
use crate::statements::{Statement, safe};
use crate::store::PostgresStore;

/// Others may be migrating at the same time.
const TAKES_AT_MOST: Duration = Duration::from_mins(1);

/// Whether a table is unlogged; nothing when there is none. The catalog's tables are read, since
/// `to_regclass` may answer from a cache, without what another node has just committed.
const IS_UNLOGGED: &str = "SELECT relpersistence = 'u' FROM pg_class \
    JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = $1 AND relname = $2";
/// Whether what has a name is a table with these columns, `name type` each, at least; nothing when
/// the name is free.
const IS_TABLE_WITH: &str = "SELECT relkind IN ('r', 'p') AND NOT EXISTS ( \
    SELECT FROM unnest(string_to_array($3, ', ')) needed WHERE NOT EXISTS ( \
    SELECT FROM pg_attribute WHERE attrelid = pg_class.oid \
    AND attname || ' ' || format_type(atttypid, NULL) = needed)) FROM pg_class \
    JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = $1 AND relname = $2";
/// Whether the function of a login is there, by its parameters.
const IS_LOGIN: &str = "SELECT coalesce(bool_or(pronargs = 20 \
    AND proargnames @> '{verdict,evicted}'::text[]), false) FROM pg_proc \
    JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname = $1 AND proname = $2";
/// The same of a heartbeat's.
const IS_BEAT: &str = "SELECT coalesce(bool_or(pronargs = 8 AND prorettype = 'bool'::regtype), \
    false) FROM pg_proc \
    JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname = $1 AND proname = $2";
const SCHEMA_EXISTS: &str = "SELECT true FROM pg_namespace WHERE nspname = $1";

/// Every text must fit.
pub(crate) async fn check_encoding(link: &Link) -> Result<()> {
    let statement = Statement::new("SELECT current_setting('server_encoding')", 0);
    let answer = link.send(&statement, Effect::Repeatable, |query| query).await?;
    let encoding: String = first(&answer.rows)?;
    if encoding == "UTF8" {
        return Ok(());
    }
    Err(Error::config(format!(
        "the database's encoding is {encoding}, sessions need UTF8: `CREATE DATABASE ... ENCODING \
         'UTF8' TEMPLATE template0`"
    )))
}

impl PostgresStore {
    /// Brings the database to the schema that this version of the crate needs. It does nothing when
    /// that is there already, and then needs no right to create anything.
    ///
    /// # Atomicity
    ///
    /// All of it is one transaction. Any number of nodes may start at once: one migrates, the
    /// others wait for it.
    ///
    /// # Errors
    ///
    /// `Config` when the schema is newer than this version of the crate, or the table is logged
    /// where [`unlogged`](crate::PostgresStoreBuilder::unlogged) was asked for, or the reverse.
    /// `Unavailable` when it takes more than a minute.
    ///
    /// # Cost
    ///
    /// A step from an older version may write the whole table anew, and keeps everybody else from
    /// it meanwhile.
    pub async fn migrate(&self) -> Result<()> {
        let deadline = Instant::now() + TAKES_AT_MOST;
        let mut connection =
            self.link().with_time_limit(TAKES_AT_MOST).acquire(&mut Tries::until(deadline)).await?;
        let migrated =
            timeout_at(deadline, migrate(&mut connection, self.names(), self.logging())).await;
        migrated.unwrap_or_else(|_| {
            connection.discard();
            Err(timed_out(TAKES_AT_MOST))
        })
    }
}

async fn migrate(connection: &mut PgConnection, names: &Names, logging: Logging) -> Result<()> {
    let steps = steps(names, logging);
    let latest = i32::try_from(steps.len()).unwrap_or(i32::MAX);
    if version(connection, names, latest).await? < latest {
        // Under any other level it would not see what a node before it has committed.
        let begin = "BEGIN ISOLATION LEVEL READ COMMITTED";
        let mut transaction =
            connection.begin_with(begin).await.map_err(|error| from_driver(&error))?;
        // By schema: a store with another table may be about to make the same one.
        let lock = format!(
            "SELECT pg_advisory_xact_lock(hashtextextended({} || ' migrate', 0))",
            names.schema_literal()
        );
        execute(&mut transaction, &lock).await?;
        // By now another node may have done it.
        let current = version(&mut transaction, names, latest).await?;
        if current == 0 {
            if look_up(&mut transaction, SCHEMA_EXISTS, &[names.bare_schema()]).await?.is_none() {
                execute(&mut transaction, &format!("CREATE SCHEMA {}", names.schema())).await?;
            }
            execute(&mut transaction, &create_versions(names)).await?;
        }
        for (version, step) in (1..).zip(&steps).skip_while(|(version, _)| *version <= current) {
            execute(&mut transaction, step).await?;
            execute(&mut transaction, &insert_version(names, version)).await?;
        }
        transaction.commit().await.map_err(|error| from_driver(&error))?;
    }
    check_tables(connection, names, logging).await
}

/// The schema's version, 0 when there is none.
async fn version(connection: &mut PgConnection, names: &Names, latest: i32) -> Result<i32> {
    let table = names.qualified("_migrations");
    let wanted = [names.bare_schema(), &*names.bare("_migrations"), VERSIONS_COLUMNS];
    match look_up(connection, IS_TABLE_WITH, &wanted).await? {
        None => return Ok(0),
        Some(true) => {}
        Some(false) => {
            return Err(Error::config(format!(
                "{table} is not this store's: it would be a table with {VERSIONS_COLUMNS}, and is \
                 something else, of another program most likely. Give the store a `table` or a \
                 `schema` of its own"
            )));
        }
    }
    let sql = safe(format!("SELECT coalesce(max(version), 0) FROM {table}"));
    let row = once(sqlx::query(sql)).fetch_one(connection).await;
    let version: i32 = first(&[row.map_err(|error| from_driver(&error))?])?;
    if version > latest {
        let table = names.table();
        return Err(Error::config(format!(
            "the schema of {table} has version {version}, this version of typed-sessions knows \
             versions up to {latest}: upgrade typed-sessions here"
        )));
    }
    Ok(version)
}

async fn check_tables(
    connection: &mut PgConnection,
    names: &Names,
    logging: Logging,
) -> Result<()> {
    for (suffix, columns) in TABLES {
        check_table(connection, names, suffix, columns).await?;
    }
    for (suffix, is_ours) in [("_login", IS_LOGIN), (BEAT, IS_BEAT)] {
        let wanted = [names.bare_schema(), &names.bare(suffix)];
        if look_up(connection, is_ours, &wanted).await? != Some(true) {
            let (function, versions) = (names.qualified(suffix), names.qualified("_migrations"));
            return Err(Error::config(format!(
                "{versions} says that the schema is there, but the function {function} is not, or \
                 is another: take it from what `migration_sql` gives"
            )));
        }
    }
    check_logging(connection, names, logging).await
}

async fn check_table(
    connection: &mut PgConnection,
    names: &Names,
    suffix: &str,
    columns: &str,
) -> Result<()> {
    let table = names.qualified(suffix);
    let wanted = [names.bare_schema(), &*names.bare(suffix), columns];
    match look_up(connection, IS_TABLE_WITH, &wanted).await? {
        Some(true) => Ok(()),
        None => {
            let versions = names.qualified("_migrations");
            Err(Error::config(format!(
                "{versions} says that the schema is there, but the table {table} is not: restore \
                 it, or drop the former and migrate anew"
            )))
        }
        Some(false) => Err(Error::config(format!(
            "{table} is not this store's table, or was changed: the store needs one with \
             {columns}. Give the store a `table` or a `schema` of its own, or restore it"
        ))),
    }
}

async fn check_logging(
    connection: &mut PgConnection,
    names: &Names,
    logging: Logging,
) -> Result<()> {
    let table = names.table();
    let found = look_up(connection, IS_UNLOGGED, &[names.bare_schema(), &names.bare("")]).await?;
    let is_unlogged = found.ok_or_else(|| unexpected("no answer"))?;
    let (is, asked, change) = match (is_unlogged, logging) {
        (true, Logging::Logged) => ("unlogged", "unlogged(false)", "LOGGED"),
        (false, Logging::Unlogged) => ("logged", "unlogged(true)", "UNLOGGED"),
        (true, Logging::Unlogged) | (false, Logging::Logged) => return Ok(()),
    };
    Err(Error::config(format!(
        "the table {table} is {is}, the store is configured with `{asked}`: change one of them; \
         `ALTER TABLE {table} SET {change}` writes all sessions anew"
    )))
}

async fn look_up(
    connection: &mut PgConnection,
    sql: &'static str,
    names: &[&str],
) -> Result<Option<bool>> {
    let query = names.iter().fold(once(sqlx::query(sql)), |query, name| query.bind(*name));
    let row = query.fetch_optional(connection).await.map_err(|error| from_driver(&error))?;
    row.map(|row| first(&[row])).transpose()
}

/// Without a name that another client of a pooler could take for one of its own statements.
fn once(query: PgQuery<'_>) -> PgQuery<'_> {
    query.persistent(false)
}

async fn execute(connection: &mut PgConnection, sql: &str) -> Result<()> {
    let executed = sqlx::raw_sql(safe(sql)).execute(connection).await;
    executed.map(drop).map_err(|error| from_driver(&error))
}

fn first<'r, T: sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>>(
    rows: &'r [PgRow],
) -> Result<T> {
    rows.first().and_then(|row| row.try_get(0).ok()).ok_or_else(|| unexpected("no answer"))
}
