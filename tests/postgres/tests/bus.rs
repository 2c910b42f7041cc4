//! The rules of a bus, on a real PostgreSQL.

typed_sessions_conformance::bus_suite!(typed_sessions_postgres_tests::store().await);
