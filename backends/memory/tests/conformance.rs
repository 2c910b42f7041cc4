//! The rules, on the in-memory store.

typed_sessions_conformance::suite!(typed_sessions_memory::MemoryStore::new());
