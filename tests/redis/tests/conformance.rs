//! The rules, on a real redis-server.

typed_sessions_conformance::suite!(typed_sessions_redis_tests::store().await);
