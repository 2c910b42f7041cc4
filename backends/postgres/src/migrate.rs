//! The schema's versions, and how a database gets the latest one.

use std::fmt::Write as _;
use std::time::Duration;

use sqlx::postgres::PgRow;
use sqlx::{Connection as _, PgConnection, Row as _};
use tokio::time::{Instant, timeout_at};
use typed_sessions_core::{Error, Result};

use crate::error::{from_driver, timed_out, unexpected};
use crate::link::{Effect, Link, Tries};
use crate::sql::{Names, Statement, safe};
use crate::store::PostgresStore;

/// Others may be migrating at the same time.
const TAKES_AT_MOST: Duration = Duration::from_mins(1);

/// Whether a table is unlogged; nothing when there is none. The catalog's tables are read, since `to_regclass` may answer from a
/// cache, without what another node has just committed.
const IS_UNLOGGED: &str = "SELECT relpersistence = 'u' FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace \
    WHERE nspname = $1 AND relname = $2";
const SCHEMA_EXISTS: &str = "SELECT true FROM pg_namespace WHERE nspname = $1";

/// Whether the table goes through the write-ahead log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Logging {
    Logged,
    Unlogged,
}

/// What leads from each version to the next; a version's number is its place, from 1.
fn versions(names: &Names, logging: Logging) -> Vec<String> {
    vec![names.first_version(logging == Logging::Unlogged)]
}

/// All of it, for a database that has nothing.
pub(crate) fn whole_sql(names: &Names, logging: Logging) -> String {
    let mut sql = format!(
        "BEGIN;\n\nCREATE SCHEMA IF NOT EXISTS {};\n\n{};\n",
        names.schema(),
        create_versions(names)
    );
    for (version, step) in (1..).zip(versions(names, logging)) {
        let _ = write!(sql, "\n{step}\n{};\n", insert_version(names, version));
    }
    sql.push_str("\nCOMMIT;\n");
    sql
}

fn create_versions(names: &Names) -> String {
    let table = names.qualified("_migrations");
    format!(
        "CREATE TABLE {table} (version int PRIMARY KEY, applied timestamptz NOT NULL DEFAULT now())"
    )
}

fn insert_version(names: &Names, version: i32) -> String {
    format!("INSERT INTO {} (version) VALUES ({version})", names.qualified("_migrations"))
}

/// Every text must fit.
pub(crate) async fn check_encoding(link: &Link) -> Result<()> {
    let statement = Statement::new("SELECT current_setting('server_encoding')", 0);
    let answer = link.send(&statement, Effect::Repeatable, |query| query).await?;
    let encoding: String = first(&answer.rows)?;
    if encoding == "UTF8" {
        return Ok(());
    }
    Err(Error::config(format!(
        "the database's encoding is {encoding}, sessions need UTF8: `CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0`"
    )))
}

impl PostgresStore {
    /// Brings the database to the schema that this version of the crate needs. It does nothing when that is there already, and then
    /// needs no right to create anything.
    ///
    /// All of it is one transaction. Any number of nodes may start at once: one migrates, the others wait for it. `Config` when
    /// the schema is newer than this version of the crate, or the table is logged where
    /// [`unlogged`](crate::PostgresStoreBuilder::unlogged) was asked for, or the reverse. It takes a minute at most.
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
    let versions = versions(names, logging);
    let latest = i32::try_from(versions.len()).unwrap_or(i32::MAX);
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
        for (version, step) in (1..).zip(&versions).skip_while(|(version, _)| *version <= current) {
            execute(&mut transaction, step).await?;
            execute(&mut transaction, &insert_version(names, version)).await?;
        }
        transaction.commit().await.map_err(|error| from_driver(&error))?;
    }
    check_table(connection, names, logging).await
}

/// The schema's version, 0 when there is none.
async fn version(connection: &mut PgConnection, names: &Names, latest: i32) -> Result<i32> {
    let table = names.qualified("_migrations");
    if look_up(connection, IS_UNLOGGED, &[names.bare_schema(), &names.bare("_migrations")])
        .await?
        .is_none()
    {
        return Ok(0);
    }
    let sql = format!("SELECT coalesce(max(version), 0) FROM {table}");
    let row =
        sqlx::query(safe(sql)).fetch_one(connection).await.map_err(|error| from_driver(&error))?;
    let version: i32 = first(&[row])?;
    if version > latest {
        return Err(Error::config(format!(
            "the schema of {} has version {version}, this version of typed-sessions knows versions up to {latest}: upgrade \
             typed-sessions here",
            names.table()
        )));
    }
    Ok(version)
}

async fn check_table(connection: &mut PgConnection, names: &Names, logging: Logging) -> Result<()> {
    let Some(is_unlogged) =
        look_up(connection, IS_UNLOGGED, &[names.bare_schema(), &names.bare("")]).await?
    else {
        return Err(Error::config(format!(
            "{} says that the schema is there, but the table {} is not: restore it, or drop the former and migrate anew",
            names.qualified("_migrations"),
            names.table()
        )));
    };
    let (is, asked, change) = match (is_unlogged, logging) {
        (true, Logging::Logged) => ("unlogged", "unlogged(false)", "LOGGED"),
        (false, Logging::Unlogged) => ("logged", "unlogged(true)", "UNLOGGED"),
        _ => return Ok(()),
    };
    let table = names.table();
    Err(Error::config(format!(
        "the table {table} is {is}, the store is configured with `{asked}`: change one of them; `ALTER TABLE {table} SET {change}` \
         writes all sessions anew"
    )))
}

async fn look_up(
    connection: &mut PgConnection,
    sql: &'static str,
    names: &[&str],
) -> Result<Option<bool>> {
    let query = names.iter().fold(sqlx::query(sql), |query, name| query.bind(*name));
    let row = query.fetch_optional(connection).await.map_err(|error| from_driver(&error))?;
    row.map(|row| first(&[row])).transpose()
}

async fn execute(connection: &mut PgConnection, sql: &str) -> Result<()> {
    sqlx::raw_sql(safe(sql))
        .execute(connection)
        .await
        .map(drop)
        .map_err(|error| from_driver(&error))
}

fn first<'r, T: sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>>(
    rows: &'r [PgRow],
) -> Result<T> {
    rows.first().and_then(|row| row.try_get(0).ok()).ok_or_else(|| unexpected("no answer"))
}
