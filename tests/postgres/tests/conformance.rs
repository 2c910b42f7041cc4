//! The rules, on a real PostgreSQL.

typed_sessions_conformance::suite!(typed_sessions_postgres_tests::store().await);
