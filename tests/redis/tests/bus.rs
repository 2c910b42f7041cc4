//! The rules of a bus, on a real redis-server.

typed_sessions_conformance::bus_suite!(typed_sessions_redis_tests::store().await);
