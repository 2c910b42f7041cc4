//! The rules of a bus, on the in-memory store.

typed_sessions_conformance::bus_suite!(typed_sessions_memory::MemoryStore::new());
